/**
 * One open Ufs per distinct location, shared by all mounts that reach it and by every role of the process.
 * Opened at its first use; closed a while after its last mount went, so that requests under way can end, or
 * when the pool closes.
 */
import { ForebayError } from '@forebay/core/errors';
import type { Mount, UfsLocation } from '@forebay/core/mount';
import type { Ufs } from './ufs.ts';

export interface UfsPoolOptions {
  readonly open: (location: UfsLocation) => Promise<Ufs> | Ufs;
  /** A mount's own view of the shared Ufs, such as one that counts under the mount's name. */
  readonly viewOf: (ufs: Ufs, mount: Mount) => Ufs;
  /** How long a Ufs without a mount stays open for requests under way. */
  readonly graceMs: number;
}

interface Pooled {
  readonly ufs: Promise<Ufs>;
  readonly views: Map<string, Promise<Ufs>>;
  closing?: NodeJS.Timeout | undefined;
}

export class UfsPool {
  readonly #options: UfsPoolOptions;
  readonly #pooled = new Map<string, Pooled>();
  #closed = false;

  constructor(options: UfsPoolOptions) {
    this.#options = options;
  }

  /**
   * @throws ForebayError ufs-unavailable where the Ufs cannot be opened (its cause tells why, and the next
   * call tries again); Error where the pool is closed
   */
  ufsOf(mount: Mount): Promise<Ufs> {
    if (this.#closed) return Promise.reject(new Error('the UFS pool is closed'));
    const pooled = this.#pooledOf(mount.ufs);
    const known = pooled.views.get(mount.path);
    if (known) return known;
    const view = pooled.ufs.then((ufs) => this.#options.viewOf(ufs, mount));
    pooled.views.set(mount.path, view);
    return view;
  }

  /** Tells what is mounted now: a Ufs of no mount closes after the grace time, unless it is mounted again. */
  retain(mounts: readonly Mount[]): void {
    const mounted = new Set(mounts.map((mount) => nameOf(mount.ufs)));
    const paths = new Set(mounts.map((mount) => mount.path));
    for (const [name, pooled] of this.#pooled) {
      for (const path of pooled.views.keys()) if (!paths.has(path)) pooled.views.delete(path);
      if (mounted.has(name)) {
        clearTimeout(pooled.closing);
        pooled.closing = undefined;
      } else {
        pooled.closing ??= setTimeout(() => this.#drop(name, pooled), this.#options.graceMs).unref();
      }
    }
  }

  /** Closes every Ufs. One that fails to close keeps no other from it. */
  async close(): Promise<void> {
    this.#closed = true;
    const all = [...this.#pooled.values()];
    this.#pooled.clear();
    for (const pooled of all) clearTimeout(pooled.closing);
    await Promise.allSettled(all.map(async (pooled) => (await pooled.ufs).close()));
  }

  #pooledOf(location: UfsLocation): Pooled {
    const name = nameOf(location);
    const known = this.#pooled.get(name);
    if (known) return known;
    const pooled: Pooled = { ufs: this.#open(location), views: new Map() };
    this.#pooled.set(name, pooled);
    // What did not open is not kept: its cause (a missing directory, a missing key) may be gone the next
    // time.
    pooled.ufs.catch(() => this.#forget(name, pooled));
    return pooled;
  }

  async #open(location: UfsLocation): Promise<Ufs> {
    try {
      return await this.#options.open(location);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ForebayError('ufs-unavailable', `the UFS cannot be opened: ${reason}`, { cause });
    }
  }

  #drop(name: string, pooled: Pooled): void {
    this.#forget(name, pooled);
    pooled.ufs.then((ufs) => ufs.close()).catch(() => undefined);
  }

  #forget(name: string, pooled: Pooled): void {
    if (this.#pooled.get(name) === pooled) this.#pooled.delete(name);
  }
}

/** The connection, not the place in it: mounts of several prefixes of one bucket share a Ufs. */
function nameOf(location: UfsLocation): string {
  return JSON.stringify({ ...location, prefix: '' });
}
