/**
 * One open Ufs per distinct location, shared by all mounts that reach it and by every role of the process;
 * for a pattern mount one open service, shared by all of its buckets. Opened at its first use; closed a while
 * after its last mount went, so that requests under way can end, or when the pool closes.
 */
import { ForebayError } from '@forebay/core/errors';
import { isPattern, type Mount, type UfsLocation } from '@forebay/core/mount';
import type { Ufs } from './ufs.ts';
import type { UfsService } from './ufs-service.ts';
import type { CircuitState } from './ufs-use.ts';

export interface UfsPoolOptions {
  readonly open: (location: UfsLocation) => Promise<Ufs> | Ufs;
  readonly openService: (location: UfsLocation) => Promise<UfsService> | UfsService;
  /** A mount's own view of the shared Ufs, such as one that counts under the mount's name. */
  readonly viewOf: (ufs: Ufs, mount: Mount) => Ufs;
  readonly serviceViewOf: (service: UfsService, pattern: Mount) => UfsService;
  /** How long a Ufs without a mount stays open for requests under way. */
  readonly graceMs: number;
}

interface View {
  readonly ufs: Promise<Ufs>;
  readonly mountPath: string;
  /** Once it is open. */
  opened?: Ufs;
}

interface Pooled {
  /** A Ufs, or the service of a pattern mount. */
  readonly store: Promise<Ufs | UfsService>;
  /** By mount path; those of a service by bucket, the longest unused first. */
  readonly views: Map<string, View>;
  closing?: NodeJS.Timeout | undefined;
}

/** Buckets of one service that are kept at hand. One more is quickly made: connections are the service's. */
const bucketViewsMax = 1_000;

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
    return this.#closed ? Promise.reject(new Error('the UFS pool is closed')) : this.#viewOf(mount).ufs;
  }

  /** The same where it is open already. */
  openedUfsOf(mount: Mount): Ufs | undefined {
    return this.#closed ? undefined : this.#viewOf(mount).opened;
  }

  #viewOf(mount: Mount): View {
    const { viewOf } = this.#options;
    if (!mount.pattern) {
      const { store, views } = this.#pooledOf(mount.ufs, this.#options.open);
      return atHand(views, { name: mount.path, mountPath: mount.path }, () =>
        store.then((ufs) => viewOf(ufs as Ufs, mount)),
      );
    }
    const { store, views } = this.#pooledOf(mount.pattern.ufs, this.#options.openService);
    const view = atHand(views, { name: mount.bucket, mountPath: mount.path }, () =>
      store.then((service) => viewOf((service as UfsService).bucket(mount.bucket), mount)),
    );
    // Last again: the first one is the longest unused.
    views.delete(mount.bucket);
    views.set(mount.bucket, view);
    for (const bucket of views.keys()) {
      if (views.size <= bucketViewsMax) break;
      views.delete(bucket);
    }
    return view;
  }

  /** How each mount's UFS answers; of a pattern mount the worst of its buckets. */
  circuits(): ReadonlyMap<string, CircuitState> {
    const circuits = new Map<string, CircuitState>();
    for (const { views } of this.#pooled.values()) {
      for (const { mountPath, opened } of views.values()) {
        const before = circuits.get(mountPath) ?? 'closed';
        const state = opened?.circuit ?? 'closed';
        circuits.set(mountPath, before === 'open' || state === 'closed' ? before : state);
      }
    }
    return circuits;
  }

  /** How many requests wait for a connection to each mount's UFS; those of a pattern mount share them. */
  waiting(): ReadonlyMap<string, number> {
    const waiting = new Map<string, number>();
    for (const { views } of this.#pooled.values()) {
      for (const { mountPath, opened } of views.values()) {
        waiting.set(mountPath, Math.max(waiting.get(mountPath) ?? 0, opened?.queue.waiting ?? 0));
      }
    }
    return waiting;
  }

  /** The service of a pattern mount. @throws as `ufsOf` */
  async serviceOf(pattern: Mount): Promise<UfsService> {
    if (this.#closed) throw new Error('the UFS pool is closed');
    const { store } = this.#pooledOf(pattern.ufs, this.#options.openService);
    return this.#options.serviceViewOf((await store) as UfsService, pattern);
  }

  /** Tells what is mounted now: a Ufs of no mount closes after the grace time, unless it is mounted again. */
  retain(mounts: readonly Mount[]): void {
    const byName = Map.groupBy(mounts, (mount) => nameOf(mount.ufs));
    const paths = new Set(mounts.filter((mount) => !isPattern(mount)).map((mount) => mount.path));
    for (const [name, pooled] of this.#pooled) {
      const mounted = byName.get(name);
      if (!mounted?.some(isPattern)) {
        for (const path of pooled.views.keys()) if (!paths.has(path)) pooled.views.delete(path);
      }
      if (mounted) {
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
    await Promise.allSettled(all.map(async (pooled) => (await pooled.store).close()));
  }

  #pooledOf(
    location: UfsLocation,
    open: (location: UfsLocation) => Promise<Ufs | UfsService> | Ufs | UfsService,
  ): Pooled {
    const name = nameOf(location);
    const known = this.#pooled.get(name);
    if (known) return known;
    const pooled: Pooled = { store: opened(location, open), views: new Map() };
    this.#pooled.set(name, pooled);
    // What did not open is not kept: its cause (a missing directory, a missing key) may be gone the next
    // time.
    pooled.store.catch(() => this.#forget(name, pooled));
    return pooled;
  }

  #drop(name: string, pooled: Pooled): void {
    this.#forget(name, pooled);
    pooled.store.then((store) => store.close()).catch(() => undefined);
  }

  #forget(name: string, pooled: Pooled): void {
    if (this.#pooled.get(name) === pooled) this.#pooled.delete(name);
  }
}

async function opened<Store>(
  location: UfsLocation,
  open: (location: UfsLocation) => Promise<Store> | Store,
): Promise<Store> {
  try {
    return await open(location);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ForebayError('ufs-unavailable', `the UFS cannot be opened: ${reason}`, { cause });
  }
}

function atHand(
  views: Map<string, View>,
  { name, mountPath }: { name: string; mountPath: string },
  make: () => Promise<Ufs>,
): View {
  const known = views.get(name);
  if (known) return known;
  const view: View = { ufs: make(), mountPath };
  view.ufs.then(
    (ufs) => {
      view.opened = ufs;
    },
    () => {},
  );
  views.set(name, view);
  return view;
}

/** Asked for at every read, of the few locations that are mounted. */
const names = new WeakMap<UfsLocation, string>();

/** The connection, not the place in it: mounts of several prefixes of one bucket share a Ufs. */
function nameOf(location: UfsLocation): string {
  const known = names.get(location);
  if (known !== undefined) return known;
  const name = JSON.stringify({ ...location, prefix: '' });
  names.set(location, name);
  return name;
}
