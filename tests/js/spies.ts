import { vi } from "vitest";

/** Record the messages to the console, and print none of them. */
export function consoleSpies() {
  return {
    error: vi.spyOn(console, "error").mockImplementation(() => {}),
    warn: vi.spyOn(console, "warn").mockImplementation(() => {}),
  };
}
