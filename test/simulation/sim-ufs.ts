/** The store of a simulation, in memory, as processes reach it over the network. */
import { ForebayError } from '@forebay/core/errors';
import type { HeaderList } from '@forebay/core/object';
import { memoryUfs } from '@forebay/ufs/memory';
import type { Ufs } from '@forebay/ufs/ufs';
import { noQueue } from '@forebay/ufs/ufs-queue';
import type { Random } from '../support/random.ts';
import type { SimNetwork, SimProcess } from './sim-network.ts';

const noHeaders: HeaderList = [];
/** Of a slow write, once it has taken effect. */
const answerMsMax = 4_000;

export class SimUfs {
  readonly process: SimProcess;
  readonly store: Ufs;
  /** Told of each write of a process in the instant in which it takes effect. */
  onWritten: (key: string) => void = () => {};
  /** Writes take effect at any time within it. */
  writeMsMax = 0;
  readonly #network: SimNetwork;
  readonly #random: Random;

  constructor(process: SimProcess, network: SimNetwork, random: Random) {
    this.process = process;
    this.#random = random;
    this.store = memoryUfs({}, { identity: 'sim', clock: process.clock });
    this.#network = network;
  }

  /** Reads by a process. A read that is lost is `ufs-unavailable`. */
  readsOf(from: SimProcess): Ufs {
    const ask = <T>(handle: () => Promise<T>) =>
      this.#network.call(from, this.process, handle, () => new ForebayError('ufs-unavailable', 'lost'));
    const reads: Pick<Ufs, 'identity' | 'queue' | 'head' | 'get'> = {
      identity: this.store.identity,
      queue: noQueue,
      head: (key) => ask(() => this.store.head(key)),
      get: async (key, { range, ifMatch } = {}) => {
        const { opened, bytes } = await ask(async () => {
          const found = await this.store.get(key, { range, ifMatch });
          const parts: Uint8Array[] = [];
          for await (const part of found.body) parts.push(Buffer.from(part));
          return { opened: found, bytes: Buffer.concat(parts) };
        });
        return { ...opened, body: bodyOf(bytes) };
      },
    };
    return reads as Ufs;
  }

  /** A write by a process: one whose answer is lost may have happened, or happen yet. */
  write(from: SimProcess, key: string, bytes: Buffer | undefined): Promise<unknown> {
    const unknown = () => new ForebayError('state-unknown', 'the answer is lost');
    const handle = async () => {
      await this.#pause(this.writeMsMax);
      const written = await this.apply(key, bytes);
      this.onWritten(key);
      await this.#pause(Math.min(answerMsMax, this.writeMsMax));
      return written;
    };
    return this.#network.call<unknown>(from, this.process, handle, unknown);
  }

  async #pause(msMax: number): Promise<void> {
    if (msMax > 0) await this.process.sleep(this.#random.next() * msMax);
  }

  /** @param bytes undefined: deletes */
  apply(key: string, bytes: Buffer | undefined): Promise<unknown> {
    if (!bytes) return this.store.delete(key, { headers: noHeaders });
    return this.store.put(key, { sizeBytes: bytes.length, body: bodyOf(bytes), headers: noHeaders });
  }
}

async function* bodyOf(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes;
}
