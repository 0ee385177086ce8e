import type { Labels } from "./protocol";
import type { PipePosition } from "./subscription";

/** The most positions that a page keeps of Pipes that it has no more. */
const MAX_POSITIONS = 1000;
/** Where a Pipe listens. */
interface Place {
  owner: unknown;
  key: string;
  channel: string;
  labels: Labels;
}

const nameOf = (url: string, { key, channel, labels }: Place) => JSON.stringify([url, key, channel, labels]);

/**
 * The positions of Pipes that were unmounted, and of channels and labels that they had: up to there everything
 * was delivered. A Pipe that returns continues there. The page keeps the newest `MAX_POSITIONS`.
 */
class Positions {
  private readonly kept = new Map<string, { owner: unknown; position: PipePosition }>();

  keep(url: string, place: Place, position: PipePosition | null): void {
    const name = nameOf(url, place);
    this.kept.delete(name);
    if (position) this.kept.set(name, { owner: place.owner, position });
    if (this.kept.size > MAX_POSITIONS) this.kept.delete([...this.kept.keys()][0] as string);
  }

  /** Return the position that is kept for a Pipe, and keep it no more. */
  take(url: string, place: Place): PipePosition | null {
    const name = nameOf(url, place);
    const kept = this.kept.get(name);
    if (kept?.owner !== place.owner) return null;
    this.kept.delete(name);
    return kept?.position ?? null;
  }
}

export const positions = new Positions();
