/** The store of a simulation, in memory, as processes reach it over the network. */
import { ForebayError } from '@forebay/core/errors';
import type { HeaderList } from '@forebay/core/object';
import { memoryUfs } from '@forebay/ufs/memory';
import type { Ufs } from '@forebay/ufs/ufs';
import { noQueue } from '@forebay/ufs/ufs-queue';
import type { SimNetwork, SimProcess } from './sim-network.ts';

const noHeaders: HeaderList = [];

export class SimUfs {
  readonly process: SimProcess;
  readonly store: Ufs;
  readonly #network: SimNetwork;

  constructor(process: SimProcess, network: SimNetwork) {
    this.process = process;
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
    return this.#network.call<unknown>(from, this.process, () => this.apply(key, bytes), unknown);
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
