import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { soleHome } from '@forebay/core/homes';
import { silentLog } from '@forebay/core/log';
import { unsettledMs } from '@forebay/core/membership';
import type { ObjectInfo } from '@forebay/core/object';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { InfoLog } from '../info-log/info-log.ts';
import { FaultyFiles } from '../testing/faulty-files.ts';
import { refOf, TestClock, testMount } from '../testing/kit.ts';
import { InfoStore } from './info-store.ts';

let directory: string;
let clock: TestClock;
let disk: FaultyFiles;
const stores: InfoStore[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'forebay-info-'));
  clock = new TestClock();
  disk = new FaultyFiles();
});
afterEach(() => {
  disk.writesFail = undefined;
  for (const store of stores.splice(0)) store.close();
  rmSync(directory, { recursive: true, force: true });
});

interface TestOptions {
  readonly entriesMax?: number;
  readonly fencesOpenMax?: number;
  readonly directory?: string;
  readonly bootId?: string;
}

function openStore(options: TestOptions = {}): InfoStore {
  const store = new InfoStore({
    homes: soleHome,
    clock,
    log: silentLog,
    entriesMax: options.entriesMax ?? 100,
    negativeTtlMs: () => 5000,
    fencesOpenMax: options.fencesOpenMax ?? 10,
    openPersistent: () =>
      new InfoLog({
        directory: options.directory ?? join(directory, 'info'),
        sizeBytesMax: 4 * 1024 * 1024,
        ttlMs: 0,
        clock,
        log: silentLog,
        files: disk.files,
        bootId: options.bootId ?? 'boot 1',
      }),
  });
  stores.push(store);
  return store;
}

/** The store that the next process opens, after a clean close. */
function restarted(): InfoStore {
  for (const store of stores.splice(0)) store.close();
  return openStore();
}

/** The store that the next process opens after this one was killed; it may be on a machine booted anew. */
function killed(bootId?: string): InfoStore {
  const copy = join(directory, `copy-${stores.length}`);
  cpSync(join(directory, 'info'), copy, { recursive: true });
  return openStore({ directory: copy, ...(bootId !== undefined && { bootId }) });
}

function infoOf(etag: string): ObjectInfo {
  return { sizeBytes: 1, etag, lastModifiedMs: 0, versionId: undefined, headers: [], checksumsKnown: true };
}

function contentOf(etag: string) {
  return {
    content: { kind: 'object', info: infoOf(etag) },
    sentAtMs: clock.nowMs,
    sentAtWallMs: clock.wallMs(),
  } as const;
}

function learn(store: InfoStore, object = refOf('a'), etag = '"1"'): void {
  const token = store.take(object);
  store.install(object, token, contentOf(etag));
  store.fences.release(token);
}

const etagOf = (store: InfoStore, object = refOf('a')) => {
  const content = store.usable(object)?.record.content;
  return content?.kind === 'object' ? content.info.etag : content?.kind;
};

describe('freshness', () => {
  it('answers from memory within the TTL and not a millisecond longer, counted from when the UFS was asked', () => {
    const store = openStore();
    learn(store);
    clock.advance(59_999);
    expect(etagOf(store)).toBe('"1"');
    clock.advance(1);
    expect(etagOf(store)).toBeUndefined();
    expect(store.look(refOf('a'))?.ageMs).toBe(60_000);
  });

  it('never answers on a mount that always asks, and for ever on an immutable one', () => {
    const store = openStore();
    const always = refOf('a', testMount({ path: '/always', freshness: 'always' }));
    const immutable = refOf('b', testMount({ path: '/immutable', freshness: 'immutable' }));
    learn(store, always);
    learn(store, immutable);
    clock.advance(1e9);
    expect(etagOf(store, always)).toBeUndefined();
    expect(etagOf(store, immutable)).toBe('"1"');
  });

  it('remembers that nothing is there for the negative TTL only', () => {
    const store = openStore();
    const token = store.take(refOf('a'));
    const answer = { status: 404, code: 'NoSuchKey', message: '' };
    const sent = { sentAtMs: clock.nowMs, sentAtWallMs: 0 };
    store.install(refOf('a'), token, { content: { kind: 'absent', answer }, ...sent });
    expect(etagOf(store)).toBe('absent');
    clock.advance(5000);
    expect(etagOf(store)).toBeUndefined();
  });
});

describe('two levels', () => {
  it('finds on disk what memory had no room for', () => {
    const store = openStore({ entriesMax: 2 });
    for (const key of ['a', 'b', 'c']) learn(store, refOf(key));
    expect(store.memoryCount).toBe(2);
    expect(store.usable(refOf('a'))?.level).toBe('persistent');
    expect(store.usable(refOf('a'))?.level).toBe('memory');
  });

  it('knows after a restart what it knew, and asks the UFS before it uses it', () => {
    learn(openStore());
    const store = restarted();
    expect(store.look(refOf('a'))?.record.content).toMatchObject({ info: { etag: '"1"' } });
    expect(etagOf(store)).toBeUndefined();
  });

  it('uses info of an immutable mount across restarts', () => {
    const object = refOf('a', testMount({ freshness: 'immutable' }));
    learn(openStore(), object);
    expect(etagOf(restarted(), object)).toBe('"1"');
  });

  it('finds nothing after a kill that a later read has contradicted', () => {
    const object = refOf('a', testMount({ freshness: 'immutable' }));
    const store = openStore();
    learn(store, object, '"1"');
    store.persistent.flush();
    expect(etagOf(killed(), object)).toBe('"1"');
    learn(store, object, '"2"');
    expect(etagOf(killed(), object)).not.toBe('"1"');
  });

  it('uses info of an immutable mount after a kill, but not where the machine itself went down', () => {
    const object = refOf('a', testMount({ freshness: 'immutable' }));
    learn(openStore(), object);
    expect(etagOf(restarted(), object)).toBe('"1"');
    expect(etagOf(killed(), object)).toBe('"1"');
    const other = killed('boot 2');
    expect(other.look(object)?.record.content).toMatchObject({ info: { etag: '"1"' } });
    expect(etagOf(other, object)).toBeUndefined();
    learn(other, object);
    expect(etagOf(other, object)).toBe('"1"');
  });
});

describe('fences', () => {
  const objects = [refOf('a')];

  it('drops the info when a write begins and installs nothing while it is open', () => {
    const store = openStore();
    learn(store);
    store.beginWrite(objects, 'f1');
    expect(store.look(refOf('a'))).toBeUndefined();
    learn(store);
    expect(store.look(refOf('a'))).toBeUndefined();
    store.endWrite(objects, 'f1', 'known');
    learn(store, refOf('a'), '"2"');
    expect(etagOf(store)).toBe('"2"');
  });

  it('refuses what was read before a write ended, however late it arrives', () => {
    const store = openStore();
    const token = store.take(refOf('a'));
    store.beginWrite(objects, 'f1');
    store.endWrite(objects, 'f1', 'known');
    store.install(refOf('a'), token, contentOf('"old"'));
    expect(store.look(refOf('a'))).toBeUndefined();
  });

  it('covers the object in every mount that reaches it', () => {
    const store = openStore();
    const other = refOf('a', testMount({ path: '/other', bucket: 'other' }));
    learn(store, other);
    store.beginWrite(objects, 'f1');
    store.endWrite(objects, 'f1', 'known');
    expect(store.look(other)).toBeUndefined();
  });

  it('does not end one write with the end of another', () => {
    const store = openStore();
    store.beginWrite(objects, 'f1');
    store.beginWrite(objects, 'f2');
    store.endWrite(objects, 'f1', 'known');
    learn(store);
    expect(store.look(refOf('a'))).toBeUndefined();
    store.endWrite(objects, 'f2', 'known');
    learn(store);
    expect(etagOf(store)).toBe('"1"');
  });

  it('drops at the end of a write it never heard of', () => {
    const store = openStore();
    learn(store);
    store.endWrite(objects, 'unknown', 'known');
    expect(store.look(refOf('a'))).toBeUndefined();
  });

  it('stays unsettled for fifteen minutes after a write whose outcome is unknown', () => {
    const store = openStore();
    store.beginWrite(objects, 'f1');
    store.endWrite(objects, 'f1', 'unknown');
    clock.advance(unsettledMs - 1);
    learn(store);
    expect(store.look(refOf('a'))).toBeUndefined();
    clock.advance(1);
    learn(store);
    expect(etagOf(store)).toBe('"1"');
  });

  it('refuses writes over the limit, unsettled ones included, and opens none of a refused batch', () => {
    const store = openStore({ fencesOpenMax: 2 });
    store.beginWrite([refOf('a')], 'f1');
    store.endWrite([refOf('a')], 'f1', 'unknown');
    expect(() => store.beginWrite([refOf('b'), refOf('c')], 'f2')).toThrow(/writes are open/);
    expect(store.fences.openCount).toBe(0);
    store.beginWrite([refOf('b')], 'f3');
    clock.advance(unsettledMs);
    store.beginWrite([refOf('c')], 'f4');
    expect(store.fences.openCount).toBe(2);
  });

  it('uses nothing and installs nothing from before the end of a tenure', () => {
    const store = openStore();
    learn(store);
    const token = store.take(refOf('b'));
    store.endTenure();
    store.install(refOf('b'), token, contentOf('"old"'));
    expect(etagOf(store)).toBeUndefined();
    expect(store.look(refOf('b'))).toBeUndefined();
  });
});

describe('fences on a whole bucket', () => {
  const mount = testMount();
  const elsewhere = refOf(
    'a',
    testMount({ path: '/far', ufs: { scheme: 'file', directory: '/far', prefix: '' } }),
  );

  it('void what is known of all its keys, in every mount, and of no other bucket', () => {
    const store = openStore();
    const other = refOf('b', testMount({ path: '/other', bucket: 'other' }));
    for (const object of [refOf('a'), other, elsewhere]) learn(store, object);
    store.beginBucketWrite(mount, 'f1');
    expect([store.look(refOf('a')), store.look(other)]).toEqual([undefined, undefined]);
    learn(store);
    expect(store.look(refOf('a'))).toBeUndefined();
    expect(store.fences.state('file:/lake\0a')).toEqual({ open: 1, unsettled: false });
    expect(etagOf(store, elsewhere)).toBe('"1"');
    store.endBucketWrite(mount, 'f1', 'known');
    learn(store, refOf('a'), '"2"');
    expect(etagOf(store)).toBe('"2"');
  });

  it('refuse what was read of any key before they ended, however late it arrives', () => {
    const store = openStore();
    const tokens = [store.take(refOf('a')), store.take(refOf('b')), store.take(elsewhere)];
    store.endBucketWrite(mount, 'unknown', 'known');
    expect(tokens.map(({ current }) => current)).toEqual([false, false, true]);
    store.install(refOf('a'), tokens[0]!, contentOf('"old"'));
    expect(store.look(refOf('a'))).toBeUndefined();
  });

  it('leave the bucket unsettled where the outcome is unknown', () => {
    const store = openStore();
    store.beginBucketWrite(mount, 'f1');
    store.endBucketWrite(mount, 'f1', 'unknown');
    clock.advance(unsettledMs - 1);
    learn(store);
    expect(store.look(refOf('a'))).toBeUndefined();
    clock.advance(1);
    learn(store);
    expect(etagOf(store)).toBe('"1"');
    expect(store.fences.openCount).toBe(0);
  });

  it('hold after a restart, also for rows of immutable mounts', () => {
    const immutable = refOf('a', testMount({ freshness: 'immutable' }));
    const store = openStore();
    learn(store, immutable);
    store.beginBucketWrite(mount, 'f1');
    store.endBucketWrite(mount, 'f1', 'known');
    expect(store.look(immutable)).toBeUndefined();
    expect(killed().look(immutable)).toBeUndefined();
    learn(store, immutable, '"2"');
    expect(etagOf(restarted(), immutable)).toBe('"2"');
  });

  it('forget everything rather than keep more deleted buckets than they may', () => {
    const store = openStore();
    const immutable = refOf('a', testMount({ path: '/far', freshness: 'immutable' }));
    learn(store, immutable);
    for (let index = 0; index <= 10_000; index += 1) {
      const ufs = { scheme: 'file', directory: `/gone-${index}`, prefix: '' } as const;
      store.endBucketWrite(testMount({ ufs }), 'f', 'known');
    }
    expect(store.look(immutable)).toBeUndefined();
    learn(store, immutable, '"2"');
    expect(etagOf(store, immutable)).toBe('"2"');
  });
});

describe('a persistent store that fails', () => {
  const immutable = refOf('a', testMount({ path: '/im', freshness: 'immutable' }));

  it('is begun anew where its files are none of a log', () => {
    openStore();
    restarted().close();
    for (const name of readdirSync(join(directory, 'info'))) {
      writeFileSync(join(directory, 'info', name), 'no log at all, but long enough to be taken for one');
    }
    const store = openStore();
    learn(store);
    expect(etagOf(store)).toBe('"1"');
    expect(store.persistent.count).toBe(1);
  });

  it('leaves no row behind that a later tenure would trust, when a row cannot be deleted', () => {
    const store = openStore();
    learn(store, immutable);
    disk.writesFail = 'EIO';
    store.beginWrite([immutable], 'f1');
    store.endWrite([immutable], 'f1', 'known');
    disk.writesFail = undefined;
    expect(store.look(immutable)).toBeUndefined();
    expect(killed().look(immutable)).toBeUndefined();
  });

  it('refuses writes under immutable mounts while what is known can neither be dropped nor taken away', () => {
    const store = openStore();
    learn(store, immutable);
    disk.writesFail = 'EIO';
    disk.removesFail = true;
    for (const begin of [
      () => store.beginWrite([immutable], 'f1'),
      () => store.beginBucketWrite(immutable.mount, 'f2'),
    ]) {
      expect(begin).toThrow(expect.objectContaining({ kind: 'overloaded' }));
    }
    expect(store.fences.openCount).toBe(0);
    store.beginWrite([refOf('b')], 'f3');
    store.endWrite([refOf('b')], 'f3', 'known');
    disk.writesFail = undefined;
    disk.removesFail = false;
    clock.advance(5000);
    store.beginWrite([immutable], 'f4');
    store.endWrite([immutable], 'f4', 'known');
    expect(killed().look(immutable)).toBeUndefined();
    learn(store, immutable);
    expect(restarted().look(immutable)).toBeDefined();
  });

  it('is begun without where it cannot be opened, and used once it can, with nothing of before', () => {
    const earlier = openStore();
    learn(earlier, immutable);
    earlier.close();
    disk.writesFail = 'EIO';
    const store = openStore();
    expect(store.look(immutable)).toBeUndefined();
    learn(store, refOf('b'));
    expect(etagOf(store, refOf('b'))).toBe('"1"');
    disk.writesFail = undefined;
    clock.advance(5000);
    expect(store.look(immutable)).toBeUndefined();
    learn(store, immutable, '"2"');
    stores.shift();
    expect(restarted().look(immutable)?.level).toBe('persistent');
  });

  it('leaves no row of a deleted bucket behind, when its end cannot be kept', () => {
    const store = openStore();
    learn(store, immutable);
    disk.writesFail = 'EIO';
    store.endBucketWrite(immutable.mount, 'f1', 'known');
    disk.writesFail = undefined;
    expect(store.look(immutable)).toBeUndefined();
    expect(killed().look(immutable)).toBeUndefined();
  });

  it('ends the tenure once for it, and goes on', () => {
    const store = openStore();
    learn(store, refOf('a'));
    learn(store, refOf('b'));
    disk.writesFail = 'EIO';
    store.drop(refOf('a'));
    expect(etagOf(store, refOf('b'))).toBeUndefined();
    learn(store, refOf('b'));
    store.drop(refOf('a'));
    expect(etagOf(store, refOf('b'))).toBe('"1"');
  });

  it('is left alone by what arrives after the close', () => {
    const store = openStore();
    learn(store);
    store.close();
    learn(store, refOf('b'));
    stores.pop();
    expect(openStore().look(refOf('a'))).toBeDefined();
  });
});
