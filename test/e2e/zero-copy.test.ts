/**
 * The same answers from the page cache by sendfile and through memory: ranges at odd offsets, pages of files
 * and of packs, clients that are slow, leave, or ask for several at once.
 */
import { createHash, randomBytes } from 'node:crypto';
import { fsyncSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { KiB, MiB } from '@forebay/core/bytes';
import { syscalls } from '@forebay/core/syscalls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ForebayProcess, startForebay } from '../support/forebay-process.ts';
import { metric, untilQuiet } from '../support/metrics.ts';
import { PausingClient } from '../support/pausing-client.ts';
import { filesBelow, pagesBelow } from '../support/stored-files.ts';
import { tempDir } from '../support/temp.ts';

const objects = new Map(
  [4 * KiB, 64 * KiB + 1, 100 * KiB, 128 * KiB, 128 * KiB + 1, 200 * KiB, MiB, 12 * MiB + 777].map(
    (sizeBytes) => [`o${sizeBytes}`, randomBytes(sizeBytes)],
  ),
);
const large = `o${12 * MiB + 777}`;

const hashOf = (bytes: Buffer) => createHash('md5').update(bytes).digest('hex');

class Lake {
  readonly forebay: ForebayProcess;

  private constructor(forebay: ForebayProcess) {
    this.forebay = forebay;
  }

  /** All objects are cached, and were read from there. */
  static async start(zeroCopy: string): Promise<Lake> {
    const folder = join(tempDir('zero-copy'), 'lake');
    mkdirSync(folder, { recursive: true });
    for (const [key, bytes] of objects) writeFileSync(join(folder, key), bytes);
    const lake = new Lake(
      await startForebay({
        mounts: [`/lake=file://${folder}?ttl=1h&anonymous=read`],
        flags: ['--zero-copy', zeroCopy, '--memory-size', '0'],
      }),
    );
    for (let round = 0; round < 2; round += 1) {
      await lake.readAll();
      await untilQuiet(lake.forebay);
    }
    return lake;
  }

  connect(): Promise<PausingClient> {
    return PausingClient.open(Number(new URL(this.forebay.endpoint).port));
  }

  async readAll(): Promise<void> {
    const client = await this.connect();
    for (const [key, { byteLength }] of objects) await expectPart(client, { key, start: 0, end: byteLength });
    client.socket.destroy();
  }
}

interface Part {
  readonly key: string;
  readonly start: number;
  readonly end: number;
}

async function expectPart(client: PausingClient, part: Part): Promise<void> {
  client.get(`/lake/${part.key}\nRange: bytes=${part.start}-${part.end - 1}`);
  await expectAnswer(client, part);
}

async function expectAnswer(client: PausingClient, { key, start, end }: Part): Promise<void> {
  const head = await client.head();
  expect(head).toMatch(/^HTTP\/1\.1 20[06] /);
  expect(head.toLowerCase()).toContain(`\r\ncontent-length: ${end - start}\r\n`);
  expect(hashOf(await client.read(end - start))).toBe(hashOf(objects.get(key)!.subarray(start, end)));
}

/** Of an object: around blocks and pages, short and long. */
function* partsOf(key: string, sizeBytes: number): Generator<Part> {
  const cuts = [0, 1, 4095, 65_535, 65_537, 70_001, sizeBytes - 1, MiB - 1, MiB, 3 * MiB + 5, 9 * MiB];
  for (const start of cuts.filter((cut) => cut < sizeBytes)) {
    for (const length of [1, 33 * KiB, 99_999, sizeBytes]) {
      yield { key, start, end: Math.min(start + length, sizeBytes) };
    }
  }
}

describe.each(['auto', 'off'])('zero copy %s', (zeroCopy) => {
  let lake: Lake;
  beforeAll(async () => {
    lake = await Lake.start(zeroCopy);
  });
  afterAll(() => lake?.forebay.remove());

  it('sends the bytes that were asked for, on one connection', async () => {
    const client = await lake.connect();
    for (const [key, { byteLength }] of objects) {
      for (const part of partsOf(key, byteLength)) await expectPart(client, part);
      expect(await client.headOf(`/lake/${key}`)).toContain(`\r\ncontent-length: ${byteLength}\r\n`);
    }
  });

  it('sends them in order where several are asked for at once', async () => {
    const client = await lake.connect();
    const keys = [large, 'o131072', large, 'o4096', `o${MiB}`];
    client.get(...keys.map((key) => `/lake/${key}`));
    for (const key of keys) await expectAnswer(client, { key, start: 0, end: objects.get(key)!.byteLength });
  });

  it('sends them to a client that reads a little at a time, and to others meanwhile', async () => {
    const [slow, fast] = [await lake.connect(), await lake.connect()];
    slow.get(`/lake/${large}`);
    await slow.head();
    const parts: Buffer[] = [];
    const { byteLength } = objects.get(large)!;
    for (let at = 0; at < byteLength; at += 100_000) {
      parts.push(await slow.read(Math.min(100_000, byteLength - at)));
      if (parts.length % 25 === 0) await expectPart(fast, { key: large, start: at, end: byteLength });
    }
    expect(hashOf(Buffer.concat(parts))).toBe(hashOf(objects.get(large)!));
  });

  it('counts a client that leaves, and serves the next', async () => {
    const before = await metric(lake.forebay, 'forebay_answers_cut_total', { reason: 'client_gone' });
    const client = await lake.connect();
    client.get(`/lake/${large}`);
    await client.read(300_000);
    client.socket.resetAndDestroy();
    await expect
      .poll(() => metric(lake.forebay, 'forebay_answers_cut_total', { reason: 'client_gone' }))
      .toBe(before + 1);
    await lake.readAll();
  });

  it.runIf(syscalls())('sends them after the pages have left memory', async () => {
    const corruptions = await metric(lake.forebay, 'forebay_page_corruptions_total');
    for (const path of filesBelow(join(lake.forebay.dataDir, pagesBelow))) {
      const file = openSync(path, 'r');
      fsyncSync(file);
      syscalls()!.leaveMemory(file, 0, 0);
    }
    for (let round = 0; round < 2; round += 1) await lake.readAll();
    expect(await metric(lake.forebay, 'forebay_page_corruptions_total')).toBe(corruptions);
  });
});
