/** A UfsService of memory UFSes, for tests. */
import { type Clock, systemClock } from '@forebay/core/clock';
import { UfsAnswerError } from '@forebay/core/errors';
import { memoryUfs } from './memory.ts';
import type { Ufs } from './ufs.ts';
import type { UfsBucketCreation, UfsBucketPage, UfsService } from './ufs-service.ts';

export interface MemoryServiceOptions {
  readonly region?: string;
  readonly clock?: Clock;
  /** Buckets that one page lists. */
  readonly pageBuckets?: number;
  /** `ufsIdentityOf` of a bucket; its name by default. */
  readonly identityOf?: (bucket: string) => string;
}

interface MemoryBucket {
  readonly ufs: Ufs;
  readonly createdAtMs: number;
}

export function memoryService(options?: MemoryServiceOptions): UfsService {
  return new MemoryService(options ?? {});
}

class MemoryService implements UfsService {
  readonly region: string;
  readonly #options: MemoryServiceOptions;
  readonly #buckets = new Map<string, MemoryBucket>();

  constructor(options: MemoryServiceOptions) {
    this.region = options.region ?? 'us-east-1';
    this.#options = options;
  }

  bucket(name: string): Ufs {
    const identity = this.#identityOf(name);
    const there = () => this.#find(name).ufs;
    // Looked up at each call: a bucket comes and goes while somebody holds its Ufs.
    const handler: ProxyHandler<object> = {
      get: (_, method) => {
        if (method === 'identity') return identity;
        if (method === 'region') return this.region;
        if (method === 'then') return undefined;
        return async (...args: unknown[]) => {
          const ufs = there() as unknown as Record<PropertyKey, (...args: unknown[]) => unknown>;
          return ufs[method]!(...args);
        };
      },
    };
    return new Proxy({}, handler) as Ufs;
  }

  async listBuckets({ prefix, token }: { prefix: string; token?: string }): Promise<UfsBucketPage> {
    const { pageBuckets = 10_000 } = this.#options;
    const names = [...this.#buckets.keys()].filter((name) => name.startsWith(prefix));
    const start = Number(token ?? 0);
    const page = names.slice(start, start + pageBuckets);
    return {
      buckets: page.map((name) => ({
        name,
        createdAtMs: this.#find(name).createdAtMs,
        region: this.region,
      })),
      nextToken: start + pageBuckets < names.length ? String(start + pageBuckets) : undefined,
    };
  }

  async headBucket(name: string) {
    this.#find(name);
    return { region: this.region };
  }

  async bucketLocation(name: string): Promise<string> {
    this.#find(name);
    return this.region === 'us-east-1' ? '' : this.region;
  }

  async createBucket(name: string, _request: UfsBucketCreation) {
    if (this.#buckets.has(name)) throw answer(409, 'BucketAlreadyOwnedByYou', name);
    const { clock = systemClock } = this.#options;
    const ufs = memoryUfs({}, { identity: this.#identityOf(name), region: this.region });
    this.#buckets.set(name, { ufs, createdAtMs: clock.wallMs() });
    return { headers: [] };
  }

  async deleteBucket(name: string) {
    const { entries } = await this.#find(name).ufs.list({ prefix: '', maxKeys: 1 });
    if (entries.length > 0) throw answer(409, 'BucketNotEmpty', name);
    this.#buckets.delete(name);
    return { headers: [] };
  }

  async close(): Promise<void> {}

  #identityOf(name: string): string {
    return this.#options.identityOf?.(name) ?? name;
  }

  #find(name: string): MemoryBucket {
    const bucket = this.#buckets.get(name);
    if (!bucket) throw answer(404, 'NoSuchBucket', name);
    return bucket;
  }
}

function answer(status: number, code: string, bucket: string): UfsAnswerError {
  return new UfsAnswerError({ status, code, message: code, fields: [['BucketName', bucket]] });
}
