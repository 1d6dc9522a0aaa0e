/**
 * Level two of the info store: node:sqlite, one row per object and slot (mount and version), bounded by a
 * number of rows (the oldest go first), and the incarnations of buckets that were deleted. Changes are
 * applied synchronously, so rows follow the order of installs and drops. Losing it, rows and incarnations
 * together, is safe.
 */
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import type { Log } from '@forebay/core/log';
import type { InfoRecord } from './record.ts';

const schema = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  CREATE TABLE IF NOT EXISTS info (
    seq INTEGER PRIMARY KEY,
    placement BLOB NOT NULL,
    slot TEXT NOT NULL,
    record TEXT NOT NULL,
    UNIQUE (placement, slot)
  );
  CREATE TABLE IF NOT EXISTS incarnations (
    bucket TEXT PRIMARY KEY,
    incarnation INTEGER NOT NULL
  );
`;

/** Buckets with an incarnation of their own. Past it everything is forgotten, and all begin anew. */
const bucketsMax = 10_000;

/** Rows removed at once when the store is full, so that eviction is rare. */
const evictionBatch = 256;

export class PersistentInfo {
  readonly #path: string;
  readonly #entriesMax: number;
  #table: InfoTable;
  #count: number;

  /** What cannot be read as a store is made anew, empty. @throws Error where that fails as well. */
  constructor(options: { path: string; entriesMax: number; log: Log }) {
    this.#path = options.path;
    this.#entriesMax = options.entriesMax;
    try {
      this.#table = openTable(options.path);
    } catch (error) {
      options.log.warn({ reason: (error as Error).message }, 'info store: unreadable, begun anew');
      removeFiles(options.path);
      this.#table = openTable(options.path);
    }
    this.#count = this.#table.rowsAtOpen;
  }

  /** 0 for a bucket that was never deleted. */
  incarnationOf(identity: string): number {
    return this.#table.incarnations.get(identity) ?? 0;
  }

  /**
   * Begins the next incarnation of a bucket. @throws Error where that cannot be kept, or there are too many:
   * the tenure must end then, and the store be reset.
   */
  renew(identity: string): void {
    const { incarnations, insertIncarnation } = this.#table;
    if (incarnations.size >= bucketsMax && !incarnations.has(identity)) {
      throw new Error(`more than ${bucketsMax} buckets were deleted`);
    }
    const incarnation = this.incarnationOf(identity) + 1;
    insertIncarnation.run(identity, incarnation);
    incarnations.set(identity, incarnation);
  }

  get count(): number {
    return this.#count;
  }

  get(placementKey: string, slot: string): InfoRecord | undefined {
    const row = this.#table.select.get(keyOf(placementKey), slot);
    return row ? (JSON.parse(String(row.record)) as InfoRecord) : undefined;
  }

  put(placementKey: string, slot: string, record: InfoRecord): void {
    const { select, insert, deleteOldest } = this.#table;
    const key = keyOf(placementKey);
    const existed = select.get(key, slot) !== undefined;
    insert.run(key, slot, JSON.stringify(record));
    if (!existed) this.#count += 1;
    if (this.#count > this.#entriesMax) {
      const { changes } = deleteOldest.run(Math.min(evictionBatch, this.#count));
      this.#count -= Number(changes);
    }
  }

  /**
   * Drops an object's rows in every mount and version. @throws Error where the database cannot: the tenure
   * must end then.
   */
  delete(placementKey: string): void {
    const { changes } = this.#table.deleteObject.run(keyOf(placementKey));
    this.#count -= Number(changes);
  }

  /** Drops every row by taking the files away, which works on a full disk too. @throws Error */
  reset(): void {
    this.#table.database.close();
    removeFiles(this.#path);
    this.#table = openTable(this.#path);
    this.#count = 0;
  }

  close(): void {
    this.#table.database.close();
  }
}

interface InfoTable {
  readonly database: DatabaseSync;
  readonly select: StatementSync;
  readonly insert: StatementSync;
  readonly deleteObject: StatementSync;
  readonly deleteOldest: StatementSync;
  readonly insertIncarnation: StatementSync;
  readonly incarnations: Map<string, number>;
  readonly rowsAtOpen: number;
}

function openTable(path: string): InfoTable {
  const database = new DatabaseSync(path);
  try {
    database.exec(schema);
    const row = database.prepare('SELECT count(*) AS count FROM info').get();
    const buckets = database.prepare('SELECT bucket, incarnation FROM incarnations').all();
    return {
      database,
      select: database.prepare('SELECT record FROM info WHERE placement = ? AND slot = ?'),
      insert: database.prepare('INSERT OR REPLACE INTO info (placement, slot, record) VALUES (?, ?, ?)'),
      deleteObject: database.prepare('DELETE FROM info WHERE placement = ?'),
      deleteOldest: database.prepare(
        'DELETE FROM info WHERE seq IN (SELECT seq FROM info ORDER BY seq LIMIT ?)',
      ),
      insertIncarnation: database.prepare(
        'INSERT OR REPLACE INTO incarnations (bucket, incarnation) VALUES (?, ?)',
      ),
      incarnations: new Map(buckets.map((of) => [String(of.bucket), Number(of.incarnation)])),
      rowsAtOpen: Number(row?.count ?? 0),
    };
  } catch (error) {
    database.close();
    throw error;
  }
}

function removeFiles(path: string): void {
  for (const suffix of ['', '-wal', '-shm']) rmSync(path + suffix, { force: true });
}

/** Keys are up to 1 KiB and more: 16 bytes of a hash keep the index small. */
function keyOf(placementKey: string): Uint8Array {
  return createHash('sha256').update(placementKey).digest().subarray(0, 16);
}
