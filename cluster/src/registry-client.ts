/**
 * The registry from afar: a view that is kept up to date by long polls, and goes on being the last one while
 * no registry answers. It lies in a file as well, so that a role also starts while they are away.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Pin } from '@forebay/core/cache-policy';
import { wireBoxOf } from '@forebay/core/cluster-secret';
import type { Log } from '@forebay/core/log';
import type { RenewalAnswer, RenewalRequest, WriterRenewal } from '@forebay/core/membership';
import type { Mount } from '@forebay/core/mount';
import { viewOf } from '@forebay/core/plain-view';
import type { Registry, RegistryView } from '@forebay/core/registry';
import { joinAgainMs, type MemberInfo, type WireRenewalAnswer } from '@forebay/core/registry-wire';
import type { User } from '@forebay/core/user';
import {
  type KeyPair,
  openedView,
  readView,
  readWireText,
  sealedUserOf,
  type WholeView,
  wireTextOf,
} from '@forebay/core/view-text';
import { KnownEpochs } from './known-epochs.ts';
import { RegistryCalls, RegistryRefuses, RegistryUnavailable } from './registry-call.ts';
import { ViewFile } from './view-file.ts';

/** A registry that is cut off without a word is noticed within so long, and a little. */
const pollMs = 10_000;
/** What the registry may take to answer, beside its wait for news. */
const answerMs = 5_000;
const callTimeoutMs = 5_000;
/** Renewals are sent every three seconds: one that takes longer is of no use. */
const renewTimeoutMs = 2_500;
const retryMs = { first: 100, max: 2_000 };

export interface RemoteRegistryOptions {
  /** `http://host:9001`, at least one. */
  readonly addresses: readonly string[];
  readonly clusterSecret: string;
  /** Where the last view is kept: in the role's data directory. Undefined: nowhere. */
  readonly viewPath: string | undefined;
  readonly log: Log;
  /** Ends the wait for a first view. */
  readonly signal?: AbortSignal | undefined;
}

interface Known {
  /** As it came: its state and its revision, which another process of the registry may count anew. */
  readonly whole: WholeView;
  readonly view: RegistryView;
  readonly root: KeyPair;
}

export class RemoteRegistry implements Registry {
  readonly #calls: RegistryCalls;
  readonly #box;
  readonly #log: Log;
  readonly #file: ViewFile | undefined;
  readonly #closing = new AbortController();
  readonly #listeners = new Set<(view: RegistryView) => unknown>();
  readonly #epochs = new KnownEpochs();
  /** By node id: says again and again that the member is there. */
  readonly #joined = new Map<string, NodeJS.Timeout>();
  #known: Known | undefined;
  /** That have come here so far. */
  #views = 0;
  #told: Promise<unknown> = Promise.resolve();
  #following: Promise<void> = Promise.resolve();
  #answers = true;

  private constructor({ addresses, clusterSecret, viewPath, log }: RemoteRegistryOptions) {
    this.#calls = new RegistryCalls(addresses, clusterSecret);
    this.#box = wireBoxOf(clusterSecret);
    this.#log = log;
    this.#file = viewPath === undefined ? undefined : new ViewFile(viewPath, log);
  }

  /**
   * Resolves with a view at hand: the registry's, else the one that was kept; else it waits for a registry.
   * @throws RegistryRefuses where the registry has another secret; the signal's reason
   */
  static async open(options: RemoteRegistryOptions): Promise<RemoteRegistry> {
    const registry = new RemoteRegistry(options);
    try {
      await registry.#firstView(options.signal);
    } catch (error) {
      await registry.close();
      throw error;
    }
    registry.#following = registry.#follow();
    return registry;
  }

  view(): RegistryView {
    return this.#current.view;
  }

  /** The key pair of the root user, as the registry has it. */
  root(): KeyPair {
    return this.#current.root;
  }

  /** Whether the last call for a view was answered. */
  get isReachable(): boolean {
    return this.#answers;
  }

  watch(listener: (view: RegistryView) => unknown): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Asks for the newest view now, and waits for all listeners. @throws RegistryUnavailable */
  async refresh(): Promise<void> {
    await this.#fetchView(0);
  }

  /**
   * @returns also where no registry is active: `not-active`
   * @throws RegistryUnavailable where none is reached
   */
  async renew(request: RenewalRequest): Promise<RenewalAnswer> {
    const body = wireTextOf(request);
    try {
      const text = await this.#calls.ask({
        ...{ method: 'POST', path: '/v1/renew', body, timeoutMs: renewTimeoutMs },
      });
      return this.#epochs.answerOf(readWireText(text) as WireRenewalAnswer, request);
    } catch (error) {
      if (!(error instanceof RegistryUnavailable) || !error.notActive) throw error;
      return { granted: false, reason: 'not-active', membership: undefined };
    }
  }

  /**
   * @returns whether who asks may write now
   * @throws RegistryUnavailable
   */
  async renewWriter(request: WriterRenewal): Promise<boolean> {
    const body = wireTextOf(request);
    const call = { method: 'POST', path: '/v1/writers', body, timeoutMs: renewTimeoutMs } as const;
    const { granted } = readWireText(await this.#calls.ask(call)) as { readonly granted?: unknown };
    return granted === true;
  }

  /** Says that the member is there until `leave`. It is shown, and has no lease. */
  async join(member: MemberInfo): Promise<void> {
    const say = () => this.#send({ method: 'POST', path: '/v1/members', body: member });
    clearInterval(this.#joined.get(member.nodeId));
    this.#joined.set(
      member.nodeId,
      setInterval(() => void say().catch(() => undefined), joinAgainMs).unref(),
    );
    // Not being shown for a while is no reason not to start.
    await say().catch((error) => this.#log.warn({ reason: String(error) }, 'the registry could not be told'));
  }

  async leave(nodeId: string): Promise<void> {
    clearInterval(this.#joined.get(nodeId));
    this.#joined.delete(nodeId);
    await this.#send({ method: 'DELETE', path: `/v1/members?id=${encodeURIComponent(nodeId)}` });
  }

  mount(mount: Mount): Promise<void> {
    return this.#change({ method: 'POST', path: '/v1/mounts', body: mount });
  }

  unmount(path: string): Promise<void> {
    return this.#change({ method: 'DELETE', path: `/v1/mounts?path=${encodeURIComponent(path)}` });
  }

  addUser(user: User): Promise<void> {
    return this.#change({ method: 'POST', path: '/v1/users', body: sealedUserOf(user, this.#box) });
  }

  removeUser(name: string): Promise<void> {
    return this.#change({ method: 'DELETE', path: `/v1/users?name=${encodeURIComponent(name)}` });
  }

  pin({ keys, pinnedAtMs }: Pin): Promise<void> {
    return this.#change({ method: 'POST', path: '/v1/pins', body: { keys: keys.text, pinnedAtMs } });
  }

  unpin(keys: string): Promise<void> {
    return this.#change({ method: 'DELETE', path: `/v1/pins?keys=${encodeURIComponent(keys)}` });
  }

  /** Forgets nothing: what was kept is there at the next start. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('closed'));
    for (const timer of this.#joined.values()) clearInterval(timer);
    this.#calls.close();
    await this.#following;
    await this.#file?.written();
  }

  get #current(): Known {
    if (!this.#known) throw new Error('there is no view before the registry was opened');
    return this.#known;
  }

  /** A change is over when it is seen here. */
  async #change(change: Change): Promise<void> {
    await this.#send(change);
    await this.refresh();
  }

  async #send({ method, path, body }: Change): Promise<void> {
    const timeoutMs = callTimeoutMs;
    await this.#calls.ask({ method, path, timeoutMs, ...(body !== undefined && { body: wireTextOf(body) }) });
  }

  async #firstView(signal: AbortSignal | undefined): Promise<void> {
    const kept = await this.#file?.read();
    if (kept !== undefined) this.#takeKept(kept);
    for (let delayMs = retryMs.first; ; delayMs = Math.min(2 * delayMs, retryMs.max)) {
      try {
        return await this.refresh();
      } catch (error) {
        if (error instanceof RegistryRefuses) throw error;
        this.#missed(error);
        if (this.#known) return;
      }
      await sleep(delayMs, undefined, signal && { signal });
    }
  }

  async #follow(): Promise<void> {
    let delayMs = retryMs.first;
    while (!this.#closing.signal.aborted) {
      try {
        await this.#fetchView(pollMs);
        delayMs = retryMs.first;
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        this.#missed(error);
        await sleep(delayMs * (0.5 + Math.random() / 2), undefined, { signal: this.#closing.signal }).catch(
          () => undefined,
        );
        delayMs = Math.min(2 * delayMs, retryMs.max);
      }
    }
  }

  #missed(error: unknown): void {
    if (!this.#answers) return;
    this.#answers = false;
    this.#log.warn({ reason: String(error) }, 'the registry does not answer; the last view is used');
  }

  /** @param waitMs for a view that is another one than the last */
  async #fetchView(waitMs: number): Promise<void> {
    const viewsBefore = this.#views;
    const known = this.#known?.whole;
    const path = known ? `/v1/view?${queryOf(known)}&wait=${waitMs}` : '/v1/view';
    const text = await this.#calls.ask({ method: 'GET', path, timeoutMs: waitMs + answerMs });
    if (!this.#answers) this.#log.info({}, 'the registry answers again');
    this.#answers = true;
    // Nothing has changed.
    if (text !== '') this.#take(readView(text, known), viewsBefore);
    await this.#told;
  }

  /** @param viewsBefore views that had come here when this one was asked for */
  #take(whole: WholeView, viewsBefore: number): void {
    const { state, view: plain, root } = openedView(whole, this.#box);
    const before = this.#known;
    const { revision } = plain;
    const revisionBefore = before?.whole.view.revision ?? -1;
    if (before?.whole.state === state && revisionBefore === revision) return;
    // Overtaken by one that was asked for later; else the registry has gone back to an older copy.
    if (revision < revisionBefore && viewsBefore < this.#views) return;
    this.#views += 1;
    const shown = before && revision <= before.view.revision ? before.view.revision + 1 : revision;
    const view = viewOf({ ...plain, revision: shown }, before?.view);
    this.#known = { whole, view, root };
    if (view.membership) this.#epochs.note(view.membership.epoch);
    this.#told = Promise.allSettled([...this.#listeners].map(async (listener) => listener(view)));
    this.#file?.keep(wireTextOf(whole));
  }

  #takeKept(text: string): void {
    try {
      this.#take(readView(text), this.#views);
    } catch (error) {
      this.#log.warn({ reason: String(error) }, 'the view that was kept cannot be used');
    }
  }
}

function queryOf({ state, view: { revision } }: WholeView): string {
  return `after=${revision}&state=${encodeURIComponent(state)}`;
}

interface Change {
  readonly method: 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
}
