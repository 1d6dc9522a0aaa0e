/**
 * A hash of text for placing: the same in every process, fast and well spread. It does not withstand who
 * picks texts so that they collide.
 */

/** 64 bits, as two signed numbers of 32. */
export interface Hash64 {
  high: number;
  low: number;
}

/** What is behind these bytes of a text does not count: several times the longest key. */
const bytesMax = 16 * 1024;
const encoder = new TextEncoder();
const bytes = new Uint8Array(bytesMax + 4);
const writable = bytes.subarray(0, bytesMax);
// Character by character takes twice as long. Every machine that Forebay runs on has low bytes first.
const words = new Int32Array(bytes.buffer);

/** Writes the hash of the text into `into`: a caller that asks often needs no new object each time. */
export function hashInto(text: string, into: Hash64): void {
  const { written } = encoder.encodeInto(text, writable);
  bytes.fill(0, written, written + 3);
  let a = 0x9e3779b1 ^ written;
  let b = 0x85ebca77;
  for (let at = 0; at << 2 < written; at += 1) {
    const word = words[at]!;
    a = Math.imul(a ^ word, 0x9e3779b1);
    a ^= a >>> 15;
    b = Math.imul(b ^ word, 0x5f356495);
    b ^= b >>> 13;
  }
  // Each half reaches the other, and what stands high the low bits.
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b) ^ Math.imul(b ^ (b >>> 13), 0xc2b2ae35);
  b = Math.imul(b ^ (b >>> 16), 0x85ebca6b) ^ Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
  into.high = a ^ (a >>> 16);
  into.low = b ^ (b >>> 15);
}

export function hash64(text: string): Hash64 {
  const hash = { high: 0, low: 0 };
  hashInto(text, hash);
  return hash;
}
