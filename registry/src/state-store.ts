/**
 * The registry's records (mounts, members, dates) behind Keyv: here on one SQLite file in the data directory.
 * Few and small, so every change is on disk (fsync) before its call returns; a crash leaves the old record or
 * the new one.
 */
import { EventEmitter } from 'node:events';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { Keyv, type KeyvStoreAdapter } from 'keyv';

/** Keyv over SQLite. Keyv serialises the values and judges their expiry itself. */
export class SqliteStore extends EventEmitter implements KeyvStoreAdapter {
  readonly opts = { dialect: 'sqlite' };
  namespace?: string | undefined;
  readonly #database: DatabaseSync;
  readonly #get: StatementSync;
  readonly #set: StatementSync;
  readonly #delete: StatementSync;

  /** @throws Error where the file cannot be opened or is no database. */
  constructor(path: string) {
    super();
    this.#database = new DatabaseSync(path);
    this.#database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 2000');
    this.#database.exec(
      'CREATE TABLE IF NOT EXISTS records (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT',
    );
    this.#get = this.#database.prepare('SELECT value FROM records WHERE key = ?');
    this.#set = this.#database.prepare('INSERT OR REPLACE INTO records (key, value) VALUES (?, ?)');
    this.#delete = this.#database.prepare('DELETE FROM records WHERE key = ?');
  }

  async get<Value>(key: string): Promise<Value | undefined> {
    return this.#get.get(key)?.value as Value | undefined;
  }

  async set(key: string, value: string): Promise<boolean> {
    this.#set.run(key, value);
    return true;
  }

  async delete(key: string): Promise<boolean> {
    return Number(this.#delete.run(key).changes) > 0;
  }

  async clear(): Promise<void> {
    const prefix = `${this.namespace ?? ''}:`;
    this.#database.prepare('DELETE FROM records WHERE substr(key, 1, ?) = ?').run(prefix.length, prefix);
  }

  async disconnect(): Promise<void> {
    if (this.#database.isOpen) this.#database.close();
  }
}

export type State = Keyv;

/**
 * Records of the registry in a file. Failed reads and writes throw: a lost record must not look like none.
 */
export function openState(path: string): State {
  return stateOver(new SqliteStore(path));
}

/** Failed reads and writes of the store throw. */
export function stateOver(store: KeyvStoreAdapter): State {
  const state = new Keyv({ store, namespace: 'registry', throwOnErrors: true });
  // Without a listener an EventEmitter throws a second time, outside of the call that failed.
  state.on('error', () => undefined);
  return state;
}
