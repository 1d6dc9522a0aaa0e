/** Whose keys are good: the root user's and those of the registry's users. */
import { ConfigError } from '@forebay/core/config';
import type { Registry } from '@forebay/core/registry';
import { User } from '@forebay/core/user';
import type { NewUser } from '@forebay/registry/admin/users';
import { newKeyPair, type RootCredentials } from '../data-dir.ts';

/** Asked anew for every request, so that a user added or removed counts from the next one on. */
export function credentialsOf(root: RootCredentials, registry: Pick<Registry, 'view'>) {
  const rootUser = { name: 'root', secretKey: root.secretKey, permissions: 'all' } as const;
  return (accessKey: string) =>
    accessKey === root.accessKey ? rootUser : registry.view().users.byAccessKey(accessKey);
}

/** A user with keys made for it. @throws ConfigError */
export function makeUser(input: NewUser, root: RootCredentials, createdAtMs: number): User {
  const made = newKeyPair();
  const user = new User({ ...made, ...input, accessKey: input.accessKey ?? made.accessKey, createdAtMs });
  refuseRootKey(user, root);
  return user;
}

/** @throws ConfigError */
export function refuseRootKey({ name, accessKey }: User, root: RootCredentials): void {
  if (accessKey !== root.accessKey) return;
  throw new ConfigError(`user "${name}": the access key ${accessKey} is the root user's`);
}
