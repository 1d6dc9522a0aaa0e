/**
 * CONTRACT Registry: who belongs to this Forebay, what is mounted and who may use it. Never on the I/O path:
 * readers hold a view.
 */
import type { CacheRule, Pin } from './cache-policy.ts';
import type { SettingTexts } from './live-settings.ts';
import type { Membership } from './membership.ts';
import type { Mount, MountTable } from './mount.ts';
import type { User, UserTable } from './user.ts';

export interface Member {
  readonly nodeId: string;
  readonly role: 'serve' | 'gateway' | 'cache-node' | 'registry';
  /** HOST:PORT where it answers. */
  readonly address: string;
  readonly startedAtMs: number;
}

export interface RegistryView {
  /** Grows with every change. */
  readonly revision: number;
  readonly mounts: MountTable;
  readonly members: readonly Member[];
  /** All but the root user. */
  readonly users: UserTable;
  /** How pages of prefixes are kept: of flags, environment and config file. */
  readonly rules: readonly CacheRule[];
  readonly pins: readonly Pin[];
  /** What was set at run time; absent: nothing. */
  readonly settings?: SettingTexts | undefined;
  /** Of the cache nodes; absent where there is one, which is part of this process. */
  readonly membership?: Membership | undefined;
}

export interface Registry {
  /** The current view, at hand: reading it never waits. */
  view(): RegistryView;
  /**
   * Calls back after each change until the returned function is called. A change is not over, and who asked
   * for it not answered, before every promise that a listener returned is settled.
   */
  watch(listener: (view: RegistryView) => unknown): () => void;
  join(member: Member): Promise<void>;
  leave(nodeId: string): Promise<void>;
  /** @throws Error where the path is taken. */
  mount(mount: Mount): Promise<void>;
  /** @throws Error where nothing is mounted at the path. */
  unmount(path: string): Promise<void>;
  /** @throws Error where the name or the access key is taken. */
  addUser(user: User): Promise<void>;
  /** @throws Error where there is no such user. */
  removeUser(name: string): Promise<void>;
  /** Does nothing where the same keys are pinned already. @throws Error past the limit. */
  pin(pin: Pin): Promise<void>;
  /** `keys` as they are written: `s3://lake/hot/`. @throws Error where exactly these are not pinned. */
  unpin(keys: string): Promise<void>;
}
