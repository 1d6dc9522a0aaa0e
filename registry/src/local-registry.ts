/**
 * The registry of one process: members, mounts, users, rules, pins and the view of them. Mounts, users and
 * rules given at the start (flags, config file) are not kept; mounts, users and pins made while running are,
 * and are back after a restart. So are the dates of all mounts, because clients see them as bucket creation
 * dates.
 */
import type { CacheRule, Pin } from '@forebay/core/cache-policy';
import type { Clock } from '@forebay/core/clock';
import type { Membership } from '@forebay/core/membership';
import { type Mount, MountTable } from '@forebay/core/mount';
import type { Member, Registry, RegistryView } from '@forebay/core/registry';
import { RegistryError } from '@forebay/core/registry-error';
import { type User, UserTable } from '@forebay/core/user';
import { AuditRecords } from './audit-records.ts';
import { PinRecords } from './pin-records.ts';
import { type SettingChange, SettingRecords } from './setting-records.ts';
import type { State } from './state-store.ts';
import { UserRecords, type UserRecordsOptions } from './user-records.ts';

export const mountsMax = 10_000;

/** What is kept of a mount: its URI tells the rest, read anew at each start. */
interface MountRecord {
  readonly path: string;
  readonly uri: string;
  readonly createdAtMs: number;
}

export interface LocalRegistryOptions extends UserRecordsOptions {
  readonly clock: Clock;
  /** Mounts of flags and config file. They win over kept ones of the same path. */
  readonly mounts: readonly Mount[];
  /** Of flags, environment and config file. */
  readonly rules: readonly CacheRule[];
  /**
   * Makes a kept mount again. @throws Error where this version cannot; the mount is then left out, and kept.
   */
  readonly restoreMount: (record: MountRecord) => Mount;
  /** The revisions of views are above this one. */
  readonly revisionsFrom?: number;
}

export class LocalRegistry implements Registry {
  readonly audit: AuditRecords;
  readonly #state: State;
  readonly #listeners = new Set<(view: RegistryView) => unknown>();
  readonly #members = new Map<string, Member>();
  readonly #users: UserRecords;
  readonly #pins: PinRecords;
  readonly #settings: SettingRecords;
  readonly #rules: readonly CacheRule[];
  readonly #mounts = new Map<string, { mount: Mount; origin: 'start' | 'runtime' }>();
  #kept: readonly MountRecord[] = [];
  #membership: Membership | undefined;
  #view: RegistryView;
  /** Changes happen one after the other, so that what is kept and what is shown never part. */
  #changes: Promise<unknown> = Promise.resolve();

  private constructor(parts: {
    state: State;
    users: UserRecords;
    pins: PinRecords;
    settings: SettingRecords;
    audit: AuditRecords;
    rules: readonly CacheRule[];
    revisionsFrom?: number;
  }) {
    this.#state = parts.state;
    this.#users = parts.users;
    this.#pins = parts.pins;
    this.#settings = parts.settings;
    this.audit = parts.audit;
    this.#rules = parts.rules;
    this.#view = this.#viewAt(parts.revisionsFrom ?? 0);
  }

  /** Loads what is kept. @throws Error where the state cannot be read. */
  static async open(options: LocalRegistryOptions): Promise<LocalRegistry> {
    const [users, pins] = [await UserRecords.open(options), await PinRecords.open(options)];
    const settings = await SettingRecords.open(options.state);
    const audit = await AuditRecords.open(options.state);
    const registry = new LocalRegistry({ ...options, users, pins, settings, audit });
    await registry.#load(options);
    return registry;
  }

  view(): RegistryView {
    return this.#view;
  }

  watch(listener: (view: RegistryView) => unknown): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  join(member: Member): Promise<void> {
    return this.#change(async () => {
      this.#members.set(member.nodeId, member);
      await this.#state.set('members', [...this.#members.values()]);
    });
  }

  leave(nodeId: string): Promise<void> {
    return this.#change(async () => {
      if (this.#members.delete(nodeId)) await this.#state.set('members', [...this.#members.values()]);
    });
  }

  mount(mount: Mount): Promise<void> {
    return this.#change(async () => {
      if (this.#mounts.has(mount.path)) {
        throw new RegistryError('path-taken', `${mount.path} is mounted already; unmount it first`);
      }
      if (this.#mounts.size >= mountsMax) {
        throw new RegistryError('too-many-mounts', `there are ${mountsMax} mounts, which is the limit`);
      }
      await this.#keep([...this.#kept.filter((kept) => kept.path !== mount.path), recordOf(mount)]);
      this.#mounts.set(mount.path, { mount, origin: 'runtime' });
    });
  }

  unmount(path: string): Promise<void> {
    return this.#change(async () => {
      if (!this.#mounts.has(path)) throw new RegistryError('not-mounted', `nothing is mounted at ${path}`);
      await this.#keep(this.#kept.filter((kept) => kept.path !== path));
      this.#mounts.delete(path);
    });
  }

  addUser(user: User): Promise<void> {
    return this.#change(() => this.#users.add(user));
  }

  removeUser(name: string): Promise<void> {
    return this.#change(() => this.#users.remove(name));
  }

  pin(pin: Pin): Promise<void> {
    return this.#change(() => this.#pins.add(pin));
  }

  unpin(keys: string): Promise<void> {
    return this.#change(() => this.#pins.remove(keys));
  }

  /** From now on views show it. Who forms it has stored it. */
  showMembership(membership: Membership | undefined): Promise<void> {
    return this.#change(async () => {
      this.#membership = membership;
    });
  }

  /** `to` undefined: as at the start. The caller has checked that it is allowed. */
  setSetting(change: Omit<SettingChange, 'from'>): Promise<void> {
    return this.#change(() => this.#settings.set(change));
  }

  /** Oldest first. */
  settingHistory(): readonly SettingChange[] {
    return this.#settings.history;
  }

  /** `start`: of the config file; `runtime`: made with the API, and kept. */
  originOfUser(name: string): 'start' | 'runtime' | undefined {
    return this.#users.originOf(name);
  }

  /** `start`: by a flag or the config file, so it is back after a restart whatever happens to it now. */
  originOf(path: string): 'start' | 'runtime' | undefined {
    return this.#mounts.get(path)?.origin;
  }

  async #load({ state, clock, log, mounts, restoreMount }: LocalRegistryOptions): Promise<void> {
    this.#kept = (await state.get<MountRecord[]>('mounts')) ?? [];
    for (const member of (await state.get<Member[]>('members')) ?? [])
      this.#members.set(member.nodeId, member);
    const dates = new Map(Object.entries((await state.get<Record<string, number>>('dates')) ?? {}));
    for (const mount of mounts) {
      const createdAtMs = dates.get(mount.path) ?? clock.wallMs();
      this.#mounts.set(mount.path, { mount: { ...mount, createdAtMs }, origin: 'start' });
    }
    await state.set('dates', Object.fromEntries(mounts.map(({ path }) => [path, this.#dateOf(path)])));
    for (const record of this.#kept) {
      if (this.#mounts.has(record.path)) {
        log.warn({ path: record.path }, 'a mount made at run time gives way to a flag or the config file');
        continue;
      }
      try {
        this.#mounts.set(record.path, { mount: restoreMount(record), origin: 'runtime' });
      } catch (error) {
        log.error({ path: record.path, reason: String(error) }, 'a mount made at run time cannot be used');
      }
    }
    await this.#publish();
  }

  #dateOf(path: string): number {
    return this.#mounts.get(path)!.mount.createdAtMs;
  }

  async #keep(records: readonly MountRecord[]): Promise<void> {
    await this.#state.set('mounts', records);
    this.#kept = records;
  }

  #change(apply: () => Promise<void>): Promise<void> {
    const change = this.#changes.then(async () => {
      await apply();
      await this.#publish();
    });
    this.#changes = change.catch(() => undefined);
    return change;
  }

  async #publish(): Promise<void> {
    this.#view = this.#viewAt(this.#view.revision + 1);
    await Promise.allSettled([...this.#listeners].map((listener) => listener(this.#view)));
  }

  #viewAt(revision: number): RegistryView {
    return {
      revision,
      mounts: new MountTable([...this.#mounts.values()].map(({ mount }) => mount)),
      members: [...this.#members.values()],
      users: new UserTable(this.#users.all()),
      rules: this.#rules,
      pins: this.#pins.all(),
      membership: this.#membership,
      settings: this.#settings.texts,
    };
  }
}

function recordOf({ path, uri, createdAtMs }: Mount): MountRecord {
  return { path, uri, createdAtMs };
}
