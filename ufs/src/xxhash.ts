/** The xxHash family with seed 0, as S3 has it (S3-WIRE 63). */
import hashWasm from 'hash-wasm';

/** One instance of each for all streams: it costs memory and time to make, a stream's state 0.6 KB. */
const engines = {
  xxhash64: await hashWasm.createXXHash64(),
  xxhash3: await hashWasm.createXXHash3(),
  xxhash128: await hashWasm.createXXHash128(),
};

export type XxHashName = keyof typeof engines;

export class XxHash {
  readonly #engine: (typeof engines)[XxHashName];
  #state: Uint8Array;

  constructor(name: XxHashName) {
    this.#engine = engines[name];
    this.#state = this.#engine.init().save();
  }

  update(data: Uint8Array): void {
    this.#state = this.#engine.load(this.#state).update(data).save();
  }

  /** Big-endian. */
  value(): Buffer {
    return Buffer.from(this.#engine.load(this.#state).digest('binary'));
  }
}
