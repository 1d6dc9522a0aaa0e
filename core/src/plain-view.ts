/**
 * A registry's view as plain values, to be sent to another process, and back. What did not change keeps its
 * objects: much is remembered by mount and by user.
 */
import { isDeepStrictEqual } from 'node:util';
import type { CacheRule, Pin } from './cache-policy.ts';
import type { SettingTexts } from './live-settings.ts';
import type { Membership } from './membership.ts';
import { type Mount, MountTable } from './mount.ts';
import { parsePolicy } from './policy/policy.ts';
import type { Member, RegistryView } from './registry.ts';
import { User, UserTable } from './user.ts';

export interface PlainUser {
  readonly name: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** As JSON. */
  readonly policies: readonly string[];
  readonly createdAtMs: number;
}

export interface PlainView {
  readonly revision: number;
  readonly mounts: readonly Mount[];
  readonly members: readonly Member[];
  readonly users: readonly PlainUser[];
  readonly rules: readonly CacheRule[];
  readonly pins: readonly Pin[];
  readonly settings?: SettingTexts | undefined;
  readonly membership?: Membership | undefined;
}

/** Holds the secret keys of the users: for a worker's eyes only. */
export function plainViewOf({ mounts, users, ...same }: RegistryView): PlainView {
  return { ...same, mounts: mounts.mounts, users: users.users.map(plainUserOf) };
}

export function plainUserOf({ name, accessKey, secretKey, policies, createdAtMs }: User): PlainUser {
  return { name, accessKey, secretKey, policies: policies.map(({ text }) => text), createdAtMs };
}

/** @throws ConfigError where a user cannot be made, which cannot happen with one that was a user */
export function viewOf(plain: PlainView, before: RegistryView | undefined): RegistryView {
  const { revision, members, rules, pins, settings, membership } = plain;
  return {
    revision,
    mounts: mountsOf(plain.mounts, before?.mounts),
    members,
    users: usersOf(plain.users, before?.users),
    rules: kept(rules, before?.rules),
    pins: kept(pins, before?.pins),
    settings,
    membership: kept(membership, before?.membership),
  };
}

function mountsOf(mounts: readonly Mount[], before: MountTable | undefined): MountTable {
  if (before && isDeepStrictEqual(before.mounts, mounts)) return before;
  const byPath = new Map(before?.mounts.map((mount) => [mount.path, mount]));
  return new MountTable(mounts.map((mount) => kept(mount, byPath.get(mount.path))));
}

function usersOf(users: readonly PlainUser[], before: UserTable | undefined): UserTable {
  const byName = new Map(before?.users.map((user) => [user.name, user]));
  return new UserTable(
    users.map((plain) => {
      const known = byName.get(plain.name);
      return known && isDeepStrictEqual(plainUserOf(known), plain) ? known : userOf(plain);
    }),
  );
}

/** @throws ConfigError */
export function userOf(plain: PlainUser): User {
  const policies = plain.policies.map((text, index) => parsePolicy(text, `policy ${index + 1}`));
  return new User({ ...plain, policies });
}

function kept<T>(value: T, before: T | undefined): T {
  return before !== undefined && isDeepStrictEqual(before, value) ? before : value;
}
