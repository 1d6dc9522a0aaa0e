/**
 * The users of a registry: those of the config file, which are not kept, and those made while running, each
 * in a record of its own with its secret key sealed. A change is on disk before anyone sees it.
 */
import type { Log } from '@forebay/core/log';
import { parsePolicy } from '@forebay/core/policy/policy';
import { RegistryError } from '@forebay/core/registry-error';
import type { SecretBox } from '@forebay/core/secret-box';
import { User, usersMax } from '@forebay/core/user';
import type { State } from './state-store.ts';

interface UserRecord {
  readonly name: string;
  readonly accessKey: string;
  readonly sealedSecretKey: string;
  /** As JSON, read anew at each start. */
  readonly policies: readonly string[];
  readonly createdAtMs: number;
}

export interface UserRecordsOptions {
  readonly state: State;
  readonly log: Log;
  readonly secrets: SecretBox;
  /** Of the config file. They win over kept ones of the same name. */
  readonly users: readonly User[];
}

type Origin = 'start' | 'runtime';

export class UserRecords {
  readonly #state: State;
  readonly #secrets: SecretBox;
  readonly #users = new Map<string, { user: User; origin: Origin }>();
  /** Names of the records, those that cannot be used now included. */
  #kept: readonly string[] = [];

  private constructor({ state, secrets }: UserRecordsOptions) {
    this.#state = state;
    this.#secrets = secrets;
  }

  /** @throws Error where the state cannot be read */
  static async open(options: UserRecordsOptions): Promise<UserRecords> {
    const records = new UserRecords(options);
    await records.#load(options);
    return records;
  }

  all(): User[] {
    return [...this.#users.values()].map(({ user }) => user);
  }

  originOf(name: string): Origin | undefined {
    return this.#users.get(name)?.origin;
  }

  /** @throws RegistryError */
  async add(user: User): Promise<void> {
    const { name, accessKey, policies, createdAtMs } = user;
    this.#refuseTaken(user);
    if (this.#users.size >= usersMax) {
      throw new RegistryError('too-many-users', `there are ${usersMax} users, which is the limit`);
    }
    const record: UserRecord = {
      name,
      accessKey,
      sealedSecretKey: this.#secrets.seal(user.secretKey, ownerOf(user)),
      policies: policies.map(({ text }) => text),
      createdAtMs,
    };
    await this.#state.set(recordKey(name), record);
    await this.#keep([...this.#kept.filter((kept) => kept !== name), name]);
    this.#users.set(name, { user, origin: 'runtime' });
  }

  /** @throws RegistryError */
  async remove(name: string): Promise<void> {
    if (!this.#users.has(name)) throw new RegistryError('no-such-user', `there is no user ${name}`);
    // Gone from the index first: a crash in between leaves a record that nobody reads.
    await this.#keep(this.#kept.filter((kept) => kept !== name));
    this.#users.delete(name);
    await this.#state.delete(recordKey(name));
  }

  #refuseTaken({ name, accessKey }: User): void {
    if (this.#users.has(name)) {
      throw new RegistryError('name-taken', `there is a user ${name} already; remove it first`);
    }
    const holder = this.all().find((other) => other.accessKey === accessKey);
    if (holder) {
      throw new RegistryError('key-taken', `the access key ${accessKey} is that of the user ${holder.name}`);
    }
  }

  async #load({ log, users }: UserRecordsOptions): Promise<void> {
    for (const user of users) this.#users.set(user.name, { user, origin: 'start' });
    this.#kept = (await this.#state.get<string[]>('users')) ?? [];
    for (const name of this.#kept) {
      try {
        const user = await this.#restored(name);
        this.#refuseTaken(user);
        this.#users.set(name, { user, origin: 'runtime' });
      } catch (error) {
        if (error instanceof RegistryError) {
          log.warn({ user: name, reason: error.message }, 'a user made at run time gives way to another');
        } else log.error({ user: name, reason: String(error) }, 'a user made at run time cannot be used');
      }
    }
  }

  /** A user whose policies are not understood any more is no user: half of them could be the wrong half. */
  async #restored(name: string): Promise<User> {
    const record = await this.#state.get<UserRecord>(recordKey(name));
    if (!record) throw new Error('its record is gone');
    return new User({
      ...record,
      secretKey: this.#secrets.open(record.sealedSecretKey, ownerOf(record)),
      policies: record.policies.map((text, index) => parsePolicy(text, `policy ${index + 1}`)),
    });
  }

  async #keep(names: readonly string[]): Promise<void> {
    await this.#state.set('users', names);
    this.#kept = names;
  }
}

function recordKey(name: string): string {
  return `user/${name}`;
}

function ownerOf({ name, accessKey }: { readonly name: string; readonly accessKey: string }): string {
  return `${name}\0${accessKey}`;
}
