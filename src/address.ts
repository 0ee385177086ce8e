/** The address of an endpoint. Does no I/O. */

/**
 * Return the address of the websocket of an endpoint. `url` is the endpoint's base, such as
 * `https://example.org/app/_pipe/`: the slash at the end may be missing, and a path alone belongs to `page`. The
 * address of the websocket itself (`.../_pipe/ws`) is understood as well. Throw if it is none of these.
 */
export function websocketUrl(url: string, page: string): string {
  let address: URL | undefined;
  try {
    address = new URL(url, page);
  } catch {}
  if (address?.protocol === "dpd:") return address.href;
  if (!address || !/^(http|ws)s?:/.test(address.protocol)) {
    const example = "https://example.org/app/_pipe/ or /app/_pipe/";
    throw new Error(`url: expected the base of an endpoint, such as ${example}, got ${JSON.stringify(url)}`);
  }
  address.protocol = address.protocol.replace("http", "ws");
  address.pathname = `${address.pathname.replace(/\/(ws)?$/, "")}/ws`;
  return address.href;
}
