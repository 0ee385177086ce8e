import type { Browser } from "./browser";

/** The most tokens in whose place a page keeps a fresh one. */
const MAX_TOKENS = 1000;

/** The newest token in place of each one that was refreshed: a Pipe that mounts again has its first. */
const newest = new Map<string, string>();

/** Return the newest token in place of one. */
export function newestToken(token: string | undefined): string | undefined {
  return newest.get(token ?? "") ?? token;
}

/**
 * Fetch a fresh token from the endpoint whose websocket has the address `url`. Return false if the server gives
 * none: its log says why, and the Pipes are denied at the end of the old one. Throw if there is no answer.
 */
export async function refreshToken(
  browser: Browser,
  url: string,
  channel: string,
  token: string,
): Promise<boolean> {
  const address = new URL("token", url).href.replace("ws", "http");
  const body = JSON.stringify({ channel, token });
  const answer = await browser.fetch(address, { method: "POST", credentials: "include", body });
  if (answer.status >= 500) throw answer;
  const { token: fresh } = (await answer.json()) as { token?: string };
  if (!fresh) return false;
  for (const [first, last] of newest) if (last === token) newest.set(first, fresh);
  newest.set(token, fresh);
  if (newest.size > MAX_TOKENS) newest.delete([...newest.keys()][0] as string);
  return true;
}
