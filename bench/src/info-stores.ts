/** The info log, and the stores it is compared with, each with as much as the benchmark asks of one. */
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { InfoLog } from '@forebay/cache-node/info-log/info-log';
import type { InfoRecord } from '@forebay/cache-node/info-store/record';
import { GiB } from '@forebay/core/bytes';
import { systemClock } from '@forebay/core/clock';
import { silentLog } from '@forebay/core/log';
import { keyOf, slot } from './info-records.ts';

export interface BenchStore {
  /** One after another, each as it comes. */
  put(key: string, record: InfoRecord): void;
  /** To be awaited after each thousand puts. */
  commit(): Promise<void>;
  get(key: string): InfoRecord | undefined;
  /** Of its index, where it has one of its own. */
  indexBytes(): number;
  close(): Promise<void>;
}

export const storeNames = ['log', 'sqlite', 'lmdb', 'level'] as const;
export type StoreName = (typeof storeNames)[number];

/** @param modules where `lmdb` and `classic-level` are installed. */
export async function openStore(
  name: StoreName,
  of: { directory: string; modules: string | undefined },
): Promise<BenchStore> {
  mkdirSync(of.directory, { recursive: true });
  if (name === 'log') return logStore(of.directory);
  if (name === 'sqlite') return sqliteStore(of.directory);
  const require = createRequire(join(of.modules ?? '.', 'package.json'));
  return name === 'lmdb' ? lmdbStore(of.directory, require) : levelStore(of.directory, require);
}

function logStore(directory: string): BenchStore {
  const sizeBytesMax = 24 * GiB;
  const log = new InfoLog({ directory, sizeBytesMax, ttlMs: 0, clock: systemClock, log: silentLog });
  return {
    put: (key, record) => log.put(key, slot, record),
    commit: () => new Promise(setImmediate),
    get: (key) => log.get(key, slot),
    indexBytes: () => log.sizes.indexBytes,
    close: async () => log.close(),
  };
}

/** As level two was before: each put in a transaction of its own, after a look whether there is one. */
function sqliteStore(directory: string): BenchStore {
  const database = new DatabaseSync(join(directory, 'info.db'));
  database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
    CREATE TABLE info (seq INTEGER PRIMARY KEY, placement BLOB NOT NULL, slot TEXT NOT NULL,
      record TEXT NOT NULL, UNIQUE (placement, slot))`);
  const select = database.prepare('SELECT record FROM info WHERE placement = ? AND slot = ?');
  const insert = database.prepare('INSERT OR REPLACE INTO info (placement, slot, record) VALUES (?, ?, ?)');
  const get = (key: string): InfoRecord | undefined => {
    const row = select.get(keyOf(key), slot);
    return row ? JSON.parse(String(row.record)) : undefined;
  };
  return {
    put: (key, record) => {
      select.get(keyOf(key), slot);
      insert.run(keyOf(key), slot, JSON.stringify(record));
    },
    commit: () => new Promise(setImmediate),
    get,
    indexBytes: () => 0,
    close: async () => database.close(),
  };
}

interface Lmdb {
  put(key: Uint8Array, value: Buffer): Promise<boolean>;
  getBinary(key: Uint8Array): Buffer | undefined;
  readonly flushed: Promise<unknown>;
  close(): Promise<void>;
}

/** Without a sync of the disk, as the log; what waits is committed by the thousand. */
function lmdbStore(directory: string, require: NodeJS.Require): BenchStore {
  const { open } = require('lmdb') as { open(options: object): Lmdb };
  const options = { noSync: true, keyEncoding: 'binary', encoding: 'binary', mapSize: 64 * GiB };
  const database = open({ path: join(directory, 'lmdb'), ...options });
  let last: Promise<unknown> = Promise.resolve();
  return {
    put: (key, record) => {
      last = database.put(keyOf(key), Buffer.from(JSON.stringify(record)));
    },
    commit: async () => void (await last),
    get: (key) => {
      const bytes = database.getBinary(keyOf(key));
      return bytes ? JSON.parse(bytes.toString()) : undefined;
    },
    indexBytes: () => 0,
    close: () => database.close(),
  };
}

interface Level {
  open(): Promise<void>;
  batch(operations: object[]): Promise<void>;
  getSync(key: Uint8Array): Uint8Array | undefined;
  close(): Promise<void>;
}

/** Batches of a thousand, and a block cache of 256 MiB. */
async function levelStore(directory: string, require: NodeJS.Require): Promise<BenchStore> {
  const { ClassicLevel } = require('classic-level') as {
    ClassicLevel: new (path: string, options: object) => Level;
  };
  const encodings = { keyEncoding: 'view', valueEncoding: 'view' };
  const database = new ClassicLevel(join(directory, 'level'), { ...encodings, cacheSize: GiB / 4 });
  await database.open();
  const waiting: object[] = [];
  return {
    put: (key, record) => {
      waiting.push({ type: 'put', key: keyOf(key), value: Buffer.from(JSON.stringify(record)) });
    },
    commit: () => database.batch(waiting.splice(0)),
    get: (key) => {
      const bytes = database.getSync(keyOf(key));
      return bytes ? JSON.parse(Buffer.from(bytes).toString()) : undefined;
    },
    indexBytes: () => 0,
    close: () => database.close(),
  };
}
