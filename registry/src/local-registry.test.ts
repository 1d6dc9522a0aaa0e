import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseKeyPattern } from '@forebay/core/key-pattern';
import { silentLog } from '@forebay/core/log';
import { parseMount } from '@forebay/core/mount-uri';
import { SecretBox } from '@forebay/core/secret-box';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LocalRegistry } from './local-registry.ts';
import { openState } from './state-store.ts';

let directory: string;
let nowMs: number;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'forebay-registry-'));
  nowMs = 1000;
});
afterEach(() => rmSync(directory, { recursive: true }));

const mountOf = (text: string) => parseMount(text, { pageSizeBytes: 1024 * 1024, createdAtMs: nowMs });
const clock = { wallMs: () => nowMs, monotonicMs: () => nowMs };

async function withRegistry<T>(
  starting: string[],
  use: (registry: LocalRegistry) => Promise<T> | T,
): Promise<T> {
  const state = openState(join(directory, 'registry.sqlite'));
  const registry = await LocalRegistry.open({
    state,
    clock,
    log: silentLog,
    mounts: starting.map(mountOf),
    users: [],
    rules: [],
    secrets: new SecretBox(new Uint8Array(32)),
    restoreMount: ({ path, uri, createdAtMs }) =>
      parseMount({ path, uri }, { pageSizeBytes: 1024 * 1024, createdAtMs }),
  });
  try {
    return await use(registry);
  } finally {
    await state.disconnect();
  }
}
const pathsOf = (registry: LocalRegistry) => registry.view().mounts.mounts.map((mount) => mount.path);

describe('LocalRegistry', () => {
  it('brings back pins, each once, and forgets those taken away', async () => {
    const pinOf = (text: string) => ({ keys: parseKeyPattern(text), pinnedAtMs: nowMs });
    const pinned = (registry: LocalRegistry) =>
      registry.view().pins.map(({ keys, pinnedAtMs }) => `${keys.text} ${pinnedAtMs}`);
    await withRegistry([], async (registry) => {
      await registry.pin(pinOf('s3://lake/hot/'));
      await registry.pin(pinOf('s3://lake/cold'));
      await expect(registry.unpin('s3://lake/hot')).rejects.toThrow('s3://lake/hot is not pinned');
    });
    nowMs = 2000;
    await withRegistry([], async (registry) => {
      await registry.pin(pinOf('s3://lake/hot/'));
      expect(pinned(registry)).toEqual(['s3://lake/hot/ 1000', 's3://lake/cold 1000']);
      await registry.unpin('s3://lake/cold');
    });
    await withRegistry([], (registry) => expect(pinned(registry)).toEqual(['s3://lake/hot/ 1000']));
  });

  it('brings back the mounts made at run time, and only those', async () => {
    await withRegistry(['/lake=s3://lake'], (registry) => registry.mount(mountOf('/data=file:///d?ttl=5s')));
    nowMs = 2000;
    await withRegistry([], (registry) => {
      expect(pathsOf(registry)).toEqual(['/data']);
      expect(registry.view().mounts.mounts[0]).toMatchObject({ ttlMs: 5000, createdAtMs: 1000 });
      expect(registry.originOf('/data')).toBe('runtime');
    });
  });

  it('brings back a pattern mount made at run time, with its options', async () => {
    const uri = 's3://{bucket}/data?endpoint=http://127.0.0.1:1&readOnly=true';
    await withRegistry([], (registry) => registry.mount(mountOf(`/{bucket}=${uri}`)));
    await withRegistry(['/lake=s3://lake'], async (registry) => {
      expect(pathsOf(registry)).toEqual(['/lake', '/{bucket}']);
      const { mounts } = registry.view();
      expect(mounts.resolve('any', 'key')).toMatchObject({
        mount: { path: '/{bucket}', readOnly: true, ufs: { bucket: 'any' } },
        ufsKey: 'data/key',
      });
      await expect(registry.mount(mountOf('/{bucket}=s3://{bucket}'))).rejects.toThrow('mounted already');
      await registry.unmount('/{bucket}');
      expect(registry.view().mounts.resolve('any', 'key')).toBeUndefined();
    });
  });

  it('forgets a mount made at run time once it is unmounted', async () => {
    await withRegistry([], async (registry) => {
      await registry.mount(mountOf('/data=file:///d'));
      await registry.unmount('/data');
      expect(pathsOf(registry)).toEqual([]);
    });
    await withRegistry([], (registry) => expect(pathsOf(registry)).toEqual([]));
  });

  it('gives a mount of the start its first date again', async () => {
    await withRegistry(['/lake=s3://lake'], () => undefined);
    nowMs = 9000;
    await withRegistry(['/lake=s3://lake', '/new=s3://new'], (registry) => {
      expect(registry.view().mounts.mounts.map((mount) => mount.createdAtMs)).toEqual([1000, 9000]);
    });
  });

  it('lets a mount of the start win over a kept one, and keeps that one', async () => {
    await withRegistry([], (registry) => registry.mount(mountOf('/lake=file:///kept')));
    await withRegistry(['/lake=s3://lake'], (registry) => {
      expect(registry.view().mounts.mounts[0]!.ufs.scheme).toBe('s3');
      expect(registry.originOf('/lake')).toBe('start');
    });
    await withRegistry([], (registry) => expect(registry.view().mounts.mounts[0]!.uri).toBe('file:///kept'));
  });

  it('refuses a path that is taken and one that is not mounted, and changes nothing then', async () => {
    await withRegistry(['/lake=s3://lake'], async (registry) => {
      const { revision } = registry.view();
      await expect(registry.mount(mountOf('/lake=s3://other'))).rejects.toMatchObject({ code: 'path-taken' });
      await expect(registry.unmount('/none')).rejects.toMatchObject({ code: 'not-mounted' });
      expect(registry.view().revision).toBe(revision);
    });
  });

  it('lets one of two mounts of the same path win', async () => {
    await withRegistry([], async (registry) => {
      const results = await Promise.allSettled([
        registry.mount(mountOf('/lake=s3://one')),
        registry.mount(mountOf('/lake=s3://two')),
      ]);
      expect(results.map((result) => result.status)).toEqual(['fulfilled', 'rejected']);
    });
  });

  it('tells watchers each change with a higher revision until they leave', async () => {
    await withRegistry([], async (registry) => {
      const seen: number[] = [];
      const leave = registry.watch((view) => seen.push(view.revision));
      const first = registry.view().revision;
      await registry.join({ nodeId: 'n1', role: 'serve', address: '127.0.0.1:9000', startedAtMs: 1 });
      await registry.mount(mountOf('/lake=s3://lake'));
      leave();
      await registry.leave('n1');
      expect(seen).toEqual([first + 1, first + 2]);
      expect(registry.view().members).toEqual([]);
    });
  });

  it('still knows its members after a crash', async () => {
    const member = { nodeId: 'n1', role: 'serve', address: '127.0.0.1:9000', startedAtMs: 1 } as const;
    await withRegistry([], (registry) => registry.join(member));
    await withRegistry([], (registry) => expect(registry.view().members).toEqual([member]));
  });

  it('says so where its file is no database', async () => {
    writeFileSync(
      join(directory, 'registry.sqlite'),
      'not a database, but long enough to be read as one'.repeat(50),
    );
    expect(() => openState(join(directory, 'registry.sqlite'))).toThrow(/not a database/);
  });
});
