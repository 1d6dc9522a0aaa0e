import { silentLog } from '@forebay/core/log';
import { Metrics } from '@forebay/core/metrics';
import { MountTable } from '@forebay/core/mount';
import { parseMount } from '@forebay/core/mount-uri';
import { beforeEach, describe, expect, it } from 'vitest';
import { UploadCleanup } from './abandoned-uploads.ts';
import { uploadOf } from './contract/support.ts';
import { type FaultyUfs, faultyUfs } from './faulty.ts';
import { memoryUfs } from './memory.ts';
import { declareUfsMetrics } from './metered.ts';

const hourMs = 3600e3;
const defaults = { pageSizeBytes: 1024 ** 2, createdAtMs: 0 };
let nowMs: number;
let ufs: FaultyUfs;
let metrics: Metrics;
const clock = { wallMs: () => nowMs, monotonicMs: () => nowMs };

beforeEach(() => {
  nowMs = Date.UTC(2026, 0, 1);
  ufs = faultyUfs(memoryUfs({}, { clock, partSizeBytesMin: 1 }));
  metrics = new Metrics();
});

function cleanupOf(...mounts: string[]): UploadCleanup {
  const table = new MountTable(mounts.map((mount) => parseMount(mount, defaults)));
  const { uploadsAborted } = declareUfsMetrics(metrics);
  return new UploadCleanup({
    mounts: () => table,
    ufsOf: () => ufs,
    aborted: uploadsAborted,
    clock,
    log: silentLog,
  });
}

async function begin(key: string): Promise<string> {
  return (await ufs.createUpload(key, [])).uploadId;
}

async function putPart(key: string, uploadId: string, partNumber: number): Promise<void> {
  await ufs.uploadPart(key, { ...uploadOf('part'), uploadId, partNumber });
}

async function keysLeft(): Promise<string[]> {
  return (await ufs.listUploads({ prefix: '', maxUploads: 1000 })).uploads.map(({ key }) => key);
}

describe('the cleanup of abandoned uploads', () => {
  it('aborts those that nobody touched for the time of their mount, counted from the newest part', async () => {
    const cleanup = cleanupOf('/lake=s3://lake?abortUploadsAfter=24h');
    await begin('without-part');
    const old = await begin('with-old-part');
    const young = await begin('with-young-part');
    nowMs += 12 * hourMs;
    await putPart('with-old-part', old, 1);
    await putPart('with-young-part', young, 1);
    nowMs += 11 * hourMs;
    await cleanup.run();
    expect(await keysLeft()).toHaveLength(3);
    await putPart('with-young-part', young, 2);
    nowMs += 2 * hourMs;
    await cleanup.run();
    expect(await keysLeft()).toEqual(['with-old-part', 'with-young-part']);
    nowMs += 12 * hourMs;
    await cleanup.run();
    expect(await keysLeft()).toEqual(['with-young-part']);
    expect(await metrics.samples('forebay_uploads_aborted_total')).toEqual([
      { labels: { mount: '/lake' }, value: 2 },
    ]);
  });

  it('looks at every part, however many there are', async () => {
    const cleanup = cleanupOf('/lake=s3://lake?abortUploadsAfter=24h');
    const uploadId = await begin('many');
    for (let partNumber = 1; partNumber <= 1001; partNumber += 1) await putPart('many', uploadId, partNumber);
    nowMs += 23 * hourMs;
    await putPart('many', uploadId, 1002);
    nowMs += 2 * hourMs;
    await cleanup.run();
    expect(await keysLeft()).toEqual(['many']);
    nowMs += 24 * hourMs;
    await cleanup.run();
    expect(await keysLeft()).toEqual([]);
  });

  it('keeps to its mount: prefix, nested mounts, read-only ones and those that ask for none', async () => {
    for (const key of ['raw/a', 'raw/nested/a', 'other/a']) await begin(key);
    nowMs += 100 * 24 * hourMs;
    await cleanupOf('/lake=s3://lake').run();
    metrics = new Metrics();
    await cleanupOf('/lake=s3://lake?abortUploadsAfter=1h&readOnly=true').run();
    expect(await keysLeft()).toHaveLength(3);
    metrics = new Metrics();
    const nested = '/lake/nested=s3://elsewhere';
    await cleanupOf('/lake=s3://lake/raw?abortUploadsAfter=1h', nested).run();
    expect(await keysLeft()).toEqual(['other/a', 'raw/nested/a']);
  });

  it('goes on with other mounts where the UFS of one fails, and tries that again at the next pass', async () => {
    await begin('a');
    nowMs += 2 * hourMs;
    const options = 'abortUploadsAfter=1h';
    const cleanup = cleanupOf(`/down=s3://lake?${options}`, `/well=s3://lake?${options}`);
    ufs.failNext(1, { methods: ['listUploads'] });
    await cleanup.run();
    expect(await keysLeft()).toEqual([]);
    expect(await metrics.samples('forebay_uploads_aborted_total')).toEqual([
      { labels: { mount: '/well' }, value: 1 },
    ]);
  });

  it('leaves alone what a store tells no time of', async () => {
    await begin('a');
    nowMs += 1000 * hourMs;
    const listUploads = ufs.listUploads;
    ufs.listUploads = async (request) => {
      const page = await listUploads(request);
      return { ...page, uploads: page.uploads.map((upload) => ({ ...upload, initiatedMs: 0 })) };
    };
    await cleanupOf('/lake=s3://lake?abortUploadsAfter=1h').run();
    expect(await keysLeft()).toEqual(['a']);
  });

  it('stops in the middle of a pass: what is under way ends, and no more begins', async () => {
    for (const key of ['a', 'b']) await begin(key);
    nowMs += 2 * hourMs;
    const cleanup = cleanupOf('/lake=s3://lake?abortUploadsAfter=1h');
    ufs.hold(['abortUpload']);
    cleanup.start();
    await ufs.whenHeld(1);
    const stopped = cleanup.stop();
    ufs.release();
    await stopped;
    expect(await keysLeft()).toEqual(['b']);
  });
});
