/**
 * Which segments are read often just now, in bounded memory: a count-min sketch whose counts are halved in
 * turn. A few cold segments may pass for hot ones; that costs a copy of their pages on another node.
 */
import type { Clock } from '@forebay/core/clock';

const rows = 2;
const slots = 8192;
const halveMs = 10_000;
/** Reads within about `halveMs`. */
const hotReads = 16;

export class HotSegments {
  readonly #clock: Clock;
  readonly #counts = new Uint16Array(rows * slots);
  #halvedAtMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#halvedAtMs = clock.monotonicMs();
  }

  /** Counts a read. @returns whether the segment is hot */
  note(segmentKey: string): boolean {
    this.#age();
    const hash = hashOf(segmentKey);
    let least = 0xffff;
    for (let row = 0; row < rows; row += 1) {
      const slot = row * slots + ((hash >>> (row * 13)) % slots);
      const count = Math.min(0xffff, this.#counts[slot]! + 1);
      this.#counts[slot] = count;
      least = Math.min(least, count);
    }
    return least >= hotReads;
  }

  #age(): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#halvedAtMs < halveMs) return;
    this.#halvedAtMs = nowMs;
    for (let slot = 0; slot < this.#counts.length; slot += 1) this.#counts[slot]! >>>= 1;
  }
}

/** FNV-1a, mixed at its end. */
function hashOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}
