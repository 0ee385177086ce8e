import { describe, expect, test } from "vitest";
import { websocketUrl } from "../../src/address";
import vectors from "../vectors/protocol.json";

const PAGE = "https://page.org/app/";

describe("websocketUrl, vectors", () => {
  test.each(vectors.urls)("$name", ({ url, websocket }) => {
    if (websocket) expect(websocketUrl(url, PAGE)).toBe(websocket);
    else expect(() => websocketUrl(url, PAGE)).toThrow("expected the base of an endpoint, such as https://");
  });

  test("socket of a django-plotly-dash page stays as it is", () => {
    expect(websocketUrl("dpd:", PAGE)).toBe("dpd:");
  });
});
