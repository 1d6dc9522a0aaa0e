/** What a process counts while it loads. */
import { Histogram } from './histogram.ts';
import type { WorkerOutcome } from './load-protocol.ts';

interface OfKind {
  requests: number;
  bytes: number;
  readonly times: Histogram;
  readonly firstByte: Histogram;
}

/** Errors of many kinds become one, so that a server with ids in its errors cannot fill the memory. */
const errorKindsMax = 50;

export class Tally {
  readonly #kinds = new Map<string, OfKind>();
  readonly #errors = new Map<string, number>();
  readonly #xCache = new Map<string, number>();
  readonly #startedMs = performance.now();
  readonly #cpu = process.cpuUsage();
  requests = 0;
  bytes = 0;
  errors = 0;

  succeeded(kind: string, of: { bytes: number; timeMs: number; firstByteMs: number; xCache?: string }): void {
    let known = this.#kinds.get(kind);
    if (!known) {
      known = { requests: 0, bytes: 0, times: new Histogram(), firstByte: new Histogram() };
      this.#kinds.set(kind, known);
    }
    known.requests += 1;
    known.bytes += of.bytes;
    known.times.record(of.timeMs * 1000);
    known.firstByte.record(of.firstByteMs * 1000);
    if (of.xCache !== undefined) this.#xCache.set(of.xCache, (this.#xCache.get(of.xCache) ?? 0) + 1);
    this.requests += 1;
    this.bytes += of.bytes;
  }

  failed(reason: string): void {
    const name = this.#errors.has(reason) || this.#errors.size < errorKindsMax ? reason : 'others';
    this.#errors.set(name, (this.#errors.get(name) ?? 0) + 1);
    this.errors += 1;
  }

  outcome(): WorkerOutcome {
    const { user, system } = process.cpuUsage(this.#cpu);
    const operations = [...this.#kinds].map(([kind, { requests, bytes, times, firstByte }]) => [
      kind,
      { requests, bytes, times: times.toJSON(), firstByte: firstByte.toJSON() },
    ]);
    return {
      operations: Object.fromEntries(operations),
      errors: Object.fromEntries(this.#errors),
      xCache: Object.fromEntries(this.#xCache),
      elapsedMs: performance.now() - this.#startedMs,
      cpuUs: user + system,
    };
  }
}
