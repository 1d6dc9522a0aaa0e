/** The info store of a simulated node, and the disk below it. */
import type { Homes } from '@forebay/core/homes';
import { silentLog } from '@forebay/core/log';
import type { InfoLog } from '../../cache-node/src/info-log/info-log.ts';
import type { InfoStoreOptions } from '../../cache-node/src/info-store/info-store.ts';
import type { InfoRecord } from '../../cache-node/src/info-store/record.ts';
import type { SimProcess } from './sim-network.ts';

/** What a node has on disk: found again by its next process. */
export type InfoDisk = Map<string, Map<string, InfoRecord>>;

export const negativeTtlMs = 3_000;

export function infoOptionsOf(process: SimProcess, disk: InfoDisk, homes: Homes): InfoStoreOptions {
  return {
    ...{ clock: process.clock, log: silentLog, homes, entriesMax: 1000, fencesOpenMax: 1000 },
    negativeTtlMs: () => negativeTtlMs,
    openPersistent: () => logOn(process, disk),
  };
}

/** As the log on disk behaves where nothing fails. */
function logOn(process: SimProcess, disk: InfoDisk): InfoLog {
  const log = {
    count: 0,
    mayBeFound: true,
    incarnationOf: () => 0,
    renew: () => {},
    get: (key: string, slot: string) => disk.get(key)?.get(slot),
    put: (key: string, slot: string, record: InfoRecord) => {
      // What the store puts off to the next tick dies with its process.
      if (process.isAlive) disk.set(key, new Map(disk.get(key)).set(slot, record));
    },
    delete: (key: string) => void disk.delete(key),
    reset: () => disk.clear(),
    close: () => {},
  };
  return log as unknown as InfoLog;
}
