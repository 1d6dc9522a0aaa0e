/**
 * Buffers that are used again: the first touch of fresh memory costs more than filling it. Sizes are rounded
 * up to classes, powers of two, so that pages of all objects share them. What lies idle is bounded; what is
 * lent is bounded by whoever borrows.
 */
import { assert } from '@forebay/core/errors';

const smallestClassBytes = 4 * 1024;

interface SizeClass {
  readonly sizeBytes: number;
  readonly idle: Buffer[];
  /** Number of the `take` that asked for this class last. */
  lastTake: number;
}

export class BufferPool {
  readonly #keptBytesMax: number;
  readonly #classes = new Map<number, SizeClass>();
  /** Lent buffers. Weak: one that its borrower lost is only memory, and the collector's. */
  readonly #lent = new WeakSet<Buffer>();
  #lentBytes = 0;
  #idleBytes = 0;
  #takes = 0;

  /** `keptBytesMax`: of all idle buffers together. */
  constructor({ keptBytesMax }: { readonly keptBytesMax: number }) {
    this.#keptBytesMax = keptBytesMax;
  }

  /** Bytes of buffers taken and not given back. */
  get lentBytes(): number {
    return this.#lentBytes;
  }

  get idleBytes(): number {
    return this.#idleBytes;
  }

  /** A buffer of at least `sizeBytes`, a whole size class. What it holds is left from its last use. */
  take(sizeBytes: number): Buffer {
    const sizeClass = this.#classOf(classBytesOf(sizeBytes));
    this.#takes += 1;
    sizeClass.lastTake = this.#takes;
    const kept = sizeClass.idle.pop();
    if (kept) this.#idleBytes -= kept.byteLength;
    const buffer = kept ?? Buffer.allocUnsafeSlow(sizeClass.sizeBytes);
    this.#lent.add(buffer);
    this.#lentBytes += buffer.byteLength;
    return buffer;
  }

  /** Ends the loan: nobody may look at the buffer any more. It must be the very object that `take` gave. */
  give(buffer: Buffer): void {
    assert(this.#lent.delete(buffer), 'a buffer is given back once, and to the pool that it came from');
    this.#lentBytes -= buffer.byteLength;
    this.#idleBytes += buffer.byteLength;
    this.#classOf(buffer.byteLength).idle.push(buffer);
    while (this.#idleBytes > this.#keptBytesMax) this.#dropOne();
  }

  /** From the class that nobody has asked for the longest, so that what is in use now is kept. */
  #dropOne(): void {
    let longestUnasked: SizeClass | undefined;
    for (const sizeClass of this.#classes.values()) {
      if (sizeClass.idle.length === 0) continue;
      if (!longestUnasked || sizeClass.lastTake < longestUnasked.lastTake) longestUnasked = sizeClass;
    }
    const dropped = longestUnasked?.idle.pop();
    assert(dropped, 'idle bytes lie in idle buffers');
    this.#idleBytes -= dropped.byteLength;
  }

  #classOf(sizeBytes: number): SizeClass {
    const known = this.#classes.get(sizeBytes);
    if (known) return known;
    const sizeClass: SizeClass = { sizeBytes, idle: [], lastTake: 0 };
    this.#classes.set(sizeBytes, sizeClass);
    return sizeClass;
  }
}

/** What a buffer of at least this size really takes. */
export function classBytesOf(sizeBytes: number): number {
  if (sizeBytes <= smallestClassBytes) return smallestClassBytes;
  return 2 ** Math.ceil(Math.log2(sizeBytes));
}
