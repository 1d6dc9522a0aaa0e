/**
 * Users of the S3 endpoint, beside the root user. Their secret keys are needed as they are, to verify
 * signatures, so they are kept where nothing prints them: a private field is in no log line, JSON or message.
 */
import { ConfigError } from './config.ts';
import { Permissions } from './policy/permissions.ts';
import type { Policy } from './policy/policy.ts';

export const usersMax = 1000;
export const policiesPerUserMax = 10;

export interface UserInput {
  readonly name: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly policies: readonly Policy[];
  readonly createdAtMs: number;
}

export class User {
  readonly name: string;
  readonly accessKey: string;
  readonly policies: readonly Policy[];
  readonly permissions: Permissions;
  readonly createdAtMs: number;
  readonly #secretKey: string;

  /** @throws ConfigError, which never tells a secret */
  constructor(input: UserInput) {
    const { name, accessKey, secretKey, policies } = input;
    // The characters of an IAM user name: none of them is a wildcard or a slash (${aws:username}).
    if (!/^[A-Za-z0-9+=,.@_-]{1,64}$/.test(name)) {
      throw new ConfigError(`user "${name}": a name has 1 to 64 letters, digits and +=,.@_-`);
    }
    if (name === 'root')
      throw new ConfigError('user "root": that is the root user, whose keys are set apart');
    if (!/^[A-Za-z0-9._-]{3,128}$/.test(accessKey)) {
      throw new ConfigError(
        `user "${name}": an access key has 3 to 128 letters, digits, dots, hyphens and underscores`,
      );
    }
    if (!/^[\x21-\x7e]{8,256}$/.test(secretKey)) {
      throw new ConfigError(`user "${name}": a secret key has 8 to 256 visible ASCII characters`);
    }
    if (policies.length > policiesPerUserMax) {
      throw new ConfigError(`user "${name}": at most ${policiesPerUserMax} policies are allowed`);
    }
    this.name = name;
    this.accessKey = accessKey;
    this.#secretKey = secretKey;
    this.policies = policies;
    this.permissions = new Permissions(policies, name);
    this.createdAtMs = input.createdAtMs;
  }

  get secretKey(): string {
    return this.#secretKey;
  }
}

export class UserTable {
  /** Sorted by name. */
  readonly users: readonly User[];
  readonly #byAccessKey: ReadonlyMap<string, User>;

  constructor(users: Iterable<User>) {
    this.users = [...users].sort((a, b) => (a.name < b.name ? -1 : 1));
    this.#byAccessKey = new Map(this.users.map((user) => [user.accessKey, user]));
  }

  byAccessKey(accessKey: string): User | undefined {
    return this.#byAccessKey.get(accessKey);
  }
}
