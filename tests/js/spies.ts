import { vi } from "vitest";

/** What the console was told; and nothing of it is printed. */
export function consoleSpies() {
  return {
    error: vi.spyOn(console, "error").mockImplementation(() => {}),
    warn: vi.spyOn(console, "warn").mockImplementation(() => {}),
  };
}
