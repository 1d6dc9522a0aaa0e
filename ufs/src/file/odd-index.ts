/**
 * The index of odd keys: keys that a directory cannot hold. Their bytes are files named by a hash, so the
 * keys themselves are kept in a small database, in UTF-8 byte order. The file decides whether an object
 * exists; a row without one is left by a crash and counts for nothing.
 */
import { existsSync } from 'node:fs';
import { lstat } from 'node:fs/promises';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Bound, KeyCursor, KeyScan } from '../local/listing.ts';
import { isExcluded } from '../local/listing.ts';
import { absentAsUndefined } from './fs-errors.ts';
import type { Layout } from './layout.ts';

const busyTimeoutMs = 5000;
const batchSize = 256;

interface Database {
  readonly connection: DatabaseSync;
  readonly add: StatementSync;
  readonly remove: StatementSync;
  readonly range: StatementSync;
}

export class OddIndex {
  readonly #layout: Layout;
  #database: Database | undefined;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** Whether any key was ever odd here: false spares the look at odd paths. */
  get isUsed(): boolean {
    return this.#database !== undefined || existsSync(this.#layout.oddIndex);
  }

  /** Durable when it returns. */
  add(key: string): void {
    this.#open().add.run(Buffer.from(key));
  }

  remove(key: string): void {
    if (this.isUsed) this.#open().remove.run(Buffer.from(key));
  }

  cursor(scan: KeyScan): KeyCursor {
    return new OddCursor((from) => this.#batch(scan.prefix, from), this.#layout);
  }

  close(): void {
    this.#database?.connection.close();
    this.#database = undefined;
  }

  #batch(prefix: string, from: Uint8Array): string[] {
    if (!this.isUsed) return [];
    const start = Buffer.compare(from, Buffer.from(prefix)) < 0 ? Buffer.from(prefix) : from;
    const rows = this.#open().range.all(start, endOf(prefix), batchSize);
    return rows.map((row) => Buffer.from(row.key as Uint8Array).toString());
  }

  #open(): Database {
    if (this.#database) return this.#database;
    const connection = new DatabaseSync(this.#layout.oddIndex, { timeout: busyTimeoutMs });
    try {
      connection.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
      connection.exec('CREATE TABLE IF NOT EXISTS odd (key BLOB PRIMARY KEY) WITHOUT ROWID, STRICT');
      this.#database = {
        connection,
        add: connection.prepare('INSERT OR IGNORE INTO odd (key) VALUES (?)'),
        remove: connection.prepare('DELETE FROM odd WHERE key = ?'),
        range: connection.prepare('SELECT key FROM odd WHERE key >= ? AND key < ? ORDER BY key LIMIT ?'),
      };
      return this.#database;
    } catch (error) {
      connection.close();
      throw error;
    }
  }
}

class OddCursor implements KeyCursor {
  readonly #fetch: (from: Uint8Array) => string[];
  readonly #layout: Layout;
  #batch: string[] = [];
  #index = 0;
  #ended = false;

  constructor(fetch: (from: Uint8Array) => string[], layout: Layout) {
    this.#fetch = fetch;
    this.#layout = layout;
  }

  async next(bound: Bound): Promise<string | undefined> {
    let from = firstBytes(bound);
    for (;;) {
      const key = this.#batch[this.#index];
      if (key !== undefined) {
        if (!isExcluded(bound, key) && (await this.#exists(key))) return key;
        this.#index += 1;
        from = firstBytes({ kind: 'after', text: key }, from);
      } else {
        if (this.#ended) return undefined;
        this.#batch = this.#fetch(from);
        this.#index = 0;
        this.#ended = this.#batch.length < batchSize;
      }
    }
  }

  async #exists(key: string): Promise<boolean> {
    return (await absentAsUndefined(lstat(this.#layout.oddPathOf(key).path))) !== undefined;
  }
}

/** The least bytes within the bound, not below `least`. */
function firstBytes(bound: Bound, least?: Uint8Array): Uint8Array {
  const text = Buffer.from(bound.text);
  const bytes = { from: text, after: Buffer.concat([text, Buffer.of(0)]), past: endOf(bound.text) }[
    bound.kind
  ];
  return least && Buffer.compare(least, bytes) > 0 ? least : bytes;
}

/** The least bytes above everything that starts with the text; above all keys where it is empty. */
function endOf(text: string): Buffer {
  if (text === '') return Buffer.of(0xff);
  const bytes = Buffer.from(text);
  bytes[bytes.length - 1]! += 1; // no byte of UTF-8 is 0xff
  return bytes;
}
