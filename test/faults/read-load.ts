/** Readers of a bucket's objects, again and again through the gateways of a cluster; each byte is checked. */
import { setTimeout as wait } from 'node:timers/promises';
import { contentOf, differenceOf } from '../support/content.ts';
import type { Random } from '../support/random.ts';
import type { S3Endpoint } from '../support/servers.ts';
import { WireClient } from '../support/wire-client.ts';

export interface LoadedObject {
  readonly path: string;
  readonly seed: number;
  readonly sizeBytes: number;
}

export interface ReadLoadOptions {
  readonly endpoints: readonly S3Endpoint[];
  readonly objects: readonly LoadedObject[];
  readonly readers: number;
  /** Between two reads of a reader. */
  readonly pauseMs: number;
  readonly random: Random;
}

/** A read that took longer than this has failed, whatever it would have brought. */
const timeoutMs = 30_000;

export class ReadLoad {
  /** What went wrong, in words. */
  readonly failures: string[] = [];
  readonly #clients: readonly WireClient[];
  readonly #readers: readonly Promise<void>[];
  #durationsMs: number[] = [];
  #stopped = false;

  constructor(options: ReadLoadOptions) {
    this.#clients = options.endpoints.map((endpoint) => new WireClient(endpoint));
    this.#readers = Array.from({ length: options.readers }, () => this.#read(options));
  }

  get reads(): number {
    return this.#durationsMs.length;
  }

  /** Of the reads since the last call: how many, and the times of half and of all but one in a hundred. */
  take(): { readonly reads: number; readonly p50Ms: number; readonly p99Ms: number; readonly maxMs: number } {
    const sorted = this.#durationsMs.sort((a, b) => a - b);
    this.#durationsMs = [];
    const at = (share: number) => Math.round(sorted[Math.floor((sorted.length - 1) * share)] ?? 0);
    return { reads: sorted.length, p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#readers);
    for (const client of this.#clients) client.close();
  }

  async #read({ objects, pauseMs, random }: ReadLoadOptions): Promise<void> {
    while (!this.#stopped) {
      const { path, seed, sizeBytes } = random.pick(objects);
      const startedAtMs = performance.now();
      const client = random.pick(this.#clients);
      const wrong = await client.sendWithin(timeoutMs, { path }).then(
        ({ status, code, body, isCut }) =>
          status === 200 && !isCut
            ? differenceOf(body, contentOf(seed, sizeBytes))
            : `${status} ${code ?? ''}${isCut ? ' cut' : ''}`,
        (error: Error) => error.message,
      );
      this.#durationsMs.push(performance.now() - startedAtMs);
      if (wrong !== undefined) this.failures.push(`${path}: ${wrong}`);
      if (pauseMs > 0) await wait(pauseMs);
    }
  }
}
