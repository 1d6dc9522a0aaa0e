/**
 * One of the registries of a cluster: it takes the lock when that is free, and is the active one as long as
 * it holds it. The others stand by, and say who is active. A store that is away makes no registry end: it
 * answers 503 until the store is back.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { recordBoxOf } from '@forebay/core/cluster-secret';
import type { Log } from '@forebay/core/log';
import type { KeyPair } from '@forebay/core/view-text';
import type { Hono } from 'hono';
import type { AdminTokens } from '../admin/auth.ts';
import { ActiveRegistry, type ActiveRegistryOptions, keptRoot } from './active-registry.ts';
import { type Candidate, type Coordination, type Lock, NotActive, StoreUnavailable } from './coordination.ts';
import { fencedState } from './fenced-state.ts';
import { createStandbyApp } from './standby-app.ts';
import { createV1App } from './v1-app.ts';

/**
 * Who is killed is followed by another within both: soon enough for nodes that renew every three seconds a
 * lease of ten.
 */
const lockTtlMs = 4_000;
const checkMs = 1_000;

export interface ClusterRegistryOptions extends ActiveRegistryOptions {
  readonly shared: Coordination;
  readonly candidate: Candidate;
  /** The admin API of the registry while it is the active one. */
  readonly adminApp: (active: ActiveRegistry) => Hono | Promise<Hono>;
  /** Of the admin API, beside the root user's pair. */
  readonly tokens: AdminTokens;
  /** Prometheus text. */
  readonly metricsText: () => Promise<string>;
  /** Told of the root user's key pair before it is used. @throws Error where it cannot be */
  readonly onRoot: (root: KeyPair) => void;
  readonly log: Log;
}

export class ClusterRegistry {
  readonly #options: ClusterRegistryOptions;
  readonly #v1: Hono;
  readonly #standby: Hono;
  readonly #stopping = new AbortController();
  #active: { readonly registry: ActiveRegistry; readonly admin: Hono } | undefined;
  #activeAddress: string | undefined;
  /** As it was seen last. */
  #root: KeyPair | undefined;
  #reason = 'it has just started';
  /** What the last look at the store failed with. */
  #trouble: string | undefined;
  #running: Promise<void> = Promise.resolve();

  private constructor(options: ClusterRegistryOptions) {
    this.#options = options;
    const { clusterSecret, log, clock, tokens, metricsText } = options;
    this.#root = options.root;
    this.#v1 = createV1App({
      ...{ clusterSecret, log, nowMs: () => clock.monotonicMs() },
      active: () => this.#neededActive(),
      activeAddress: () => this.#activeAddress,
    });
    this.#standby = createStandbyApp({
      reason: () => this.#reason,
      credentials: () => this.#root && { ...this.#root, ...tokens },
      metricsText,
    });
  }

  /**
   * Resolves when it is known who is active, or that the store does not answer now.
   * @throws Error where the records cannot be read
   */
  static async start(options: ClusterRegistryOptions): Promise<ClusterRegistry> {
    const registry = new ClusterRegistry(options);
    const error = await registry.#look();
    if (error !== undefined && !isPassing(error)) throw error;
    registry.#running = registry.#run();
    return registry;
  }

  /** Why nothing can be answered now, for people; undefined: it can, as far as is known. */
  get trouble(): string | undefined {
    return this.#trouble;
  }

  get active(): ActiveRegistry | undefined {
    return this.#active?.registry;
  }

  fetch(request: Request, env?: object): Response | Promise<Response> {
    if (new URL(request.url).pathname.startsWith('/v1/')) return this.#v1.fetch(request, env);
    return (this.#active?.admin ?? this.#standby).fetch(request, env);
  }

  /** Gives the lock back, so that another one need not wait. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopping'));
    await this.#running;
    const lock = this.active?.lock;
    this.#stepDown('it stops');
    if (lock) await this.#options.shared.release(lock).catch(() => undefined);
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await sleep(checkMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      await this.#look();
    }
  }

  /** @returns what failed */
  async #look(): Promise<unknown> {
    try {
      await this.#check();
      this.#trouble = undefined;
      return undefined;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (reason !== this.#trouble) this.#options.log.error({ reason }, 'the registry cannot act');
      this.#trouble = reason;
      if (!this.#active) this.#reason = reason;
      return error;
    }
  }

  async #check(): Promise<void> {
    const { shared, candidate, clusterSecret, log } = this.#options;
    if (this.#active) {
      if (await shared.extend(this.#active.registry.lock, lockTtlMs)) return;
      log.warn({}, 'this registry has lost the lock: another one is active, or the store was empty');
      this.#stepDown('it has lost the lock');
    }
    const lock = await shared.acquire(candidate, lockTtlMs);
    if (lock) return this.#takeOver(lock);
    this.#activeAddress = (await shared.holder())?.address;
    this.#reason = `it stands by; ${this.#activeAddress ?? 'another one'} is the active registry`;
    this.#root ??= await keptRoot(fencedState(shared, undefined), recordBoxOf(clusterSecret));
  }

  async #takeOver(lock: Lock): Promise<void> {
    const { shared, candidate, adminApp, onRoot, counters, log } = this.#options;
    let registry: ActiveRegistry | undefined;
    try {
      registry = await ActiveRegistry.open(shared, lock, this.#options);
      onRoot(registry.root);
      this.#root = registry.root;
      this.#active = { registry, admin: await adminApp(registry) };
    } catch (error) {
      registry?.close();
      await shared.release(lock).catch(() => undefined);
      throw error;
    }
    this.#activeAddress = candidate.address;
    counters.becameActive();
    const { number = 0 } = registry.machine.membership()?.epoch ?? {};
    log.info({ fencing: lock.fencing, epoch: number }, 'this registry is the active one');
  }

  #stepDown(reason: string): void {
    this.#active?.registry.close();
    this.#active = undefined;
    this.#activeAddress = undefined;
    this.#reason = reason;
  }

  #neededActive(): ActiveRegistry {
    if (!this.#active) throw new NotActive();
    return this.#active.registry;
  }
}

/** Passes by itself: no reason to end a start. */
function isPassing(error: unknown): boolean {
  return error instanceof StoreUnavailable || error instanceof NotActive;
}
