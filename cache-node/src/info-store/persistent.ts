/**
 * Level two of the info store: node:sqlite, one row per object and mount, bounded by a number of rows (the
 * oldest go first). Changes are applied synchronously, so rows follow the order of installs and drops.
 * Losing it is safe.
 */
import { createHash } from 'node:crypto';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { InfoRecord } from './record.ts';

const schema = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS info (
    seq INTEGER PRIMARY KEY,
    placement BLOB NOT NULL,
    mount TEXT NOT NULL,
    record TEXT NOT NULL,
    UNIQUE (placement, mount)
  );
`;

/** Rows removed at once when the store is full, so that eviction is rare. */
const evictionBatch = 256;

export class PersistentInfo {
  readonly #database: DatabaseSync;
  readonly #entriesMax: number;
  readonly #select: StatementSync;
  readonly #insert: StatementSync;
  readonly #deleteObject: StatementSync;
  readonly #deleteOldest: StatementSync;
  #count: number;

  constructor(options: { path: string; entriesMax: number }) {
    this.#entriesMax = options.entriesMax;
    this.#database = new DatabaseSync(options.path);
    this.#database.exec(schema);
    this.#select = this.#database.prepare('SELECT record FROM info WHERE placement = ? AND mount = ?');
    this.#insert = this.#database.prepare(
      'INSERT OR REPLACE INTO info (placement, mount, record) VALUES (?, ?, ?)',
    );
    this.#deleteObject = this.#database.prepare('DELETE FROM info WHERE placement = ?');
    this.#deleteOldest = this.#database.prepare(
      'DELETE FROM info WHERE seq IN (SELECT seq FROM info ORDER BY seq LIMIT ?)',
    );
    const row = this.#database.prepare('SELECT count(*) AS count FROM info').get();
    this.#count = Number(row?.count ?? 0);
  }

  get count(): number {
    return this.#count;
  }

  get(placementKey: string, mountPath: string): InfoRecord | undefined {
    const row = this.#select.get(keyOf(placementKey), mountPath);
    return row ? (JSON.parse(String(row.record)) as InfoRecord) : undefined;
  }

  put(placementKey: string, mountPath: string, record: InfoRecord): void {
    const key = keyOf(placementKey);
    const existed = this.#select.get(key, mountPath) !== undefined;
    this.#insert.run(key, mountPath, JSON.stringify(record));
    if (!existed) this.#count += 1;
    if (this.#count > this.#entriesMax) {
      const { changes } = this.#deleteOldest.run(Math.min(evictionBatch, this.#count));
      this.#count -= Number(changes);
    }
  }

  /**
   * Drops an object's rows in every mount. @throws Error where the database cannot: the tenure must end
   * then.
   */
  delete(placementKey: string): void {
    const { changes } = this.#deleteObject.run(keyOf(placementKey));
    this.#count -= Number(changes);
  }

  close(): void {
    this.#database.close();
  }
}

/** Keys are up to 1 KiB and more: 16 bytes of a hash keep the index small. */
function keyOf(placementKey: string): Uint8Array {
  return createHash('sha256').update(placementKey).digest().subarray(0, 16);
}
