/** GET and HEAD: bytes, ranges, conditions, and bodies that are left early. */
import { headerValue } from '@forebay/core/object';
import type { RangeRequest } from '@forebay/core/range';
import { expect, it } from 'vitest';
import {
  bytesOf,
  expectAbsent,
  patternBytes,
  putObject,
  refusal,
  type Subject,
  uploadOf,
} from './support.ts';

export function describeReads(subject: () => Subject): void {
  describeWhole(subject);
  describeRanges(subject);
  describeBodies(subject);
}

function describeWhole(subject: () => Subject): void {
  it('gives back the bytes, with info that HEAD gives as well', async () => {
    const { ufs, scope } = subject();
    const content = patternBytes(700_001);
    const etag = await putObject(ufs, `${scope}object`, content);
    const object = await ufs.get(`${scope}object`);
    expect(object.range).toEqual({ start: 0, endExclusive: content.byteLength });
    expect((await bytesOf(object.body)).equals(content)).toBe(true);
    const info = await ufs.head(`${scope}object`);
    expect(info).toMatchObject({ sizeBytes: content.byteLength, etag });
    expect(info.lastModifiedMs % 1000).toBe(0);
    expect(object.info).toMatchObject({
      sizeBytes: info.sizeBytes,
      etag,
      lastModifiedMs: info.lastModifiedMs,
    });
    expect(headerValue(info.headers, 'content-type')).toBe('binary/octet-stream');
  });

  it('keeps an empty object', async () => {
    const { ufs, scope } = subject();
    await putObject(ufs, `${scope}empty`, '');
    const object = await ufs.get(`${scope}empty`);
    expect(object.info.sizeBytes).toBe(0);
    expect(await bytesOf(object.body)).toHaveLength(0);
  });

  it('answers NoSuchKey for what is not there, naming the key', async () => {
    const { ufs, scope } = subject();
    await expectAbsent(ufs, `${scope}nothing`);
    const { fields } = await refusal(ufs.get(`${scope}nothing`));
    expect(fields.get('Key')).toBe(`${scope}nothing`);
  });

  it('reads the one version that an unversioned object has by the id `null`, and no other', async () => {
    const { ufs, scope, capabilities } = subject();
    const etag = await putObject(ufs, `${scope}object`, 'one');
    if (capabilities.nullVersion) {
      const object = await ufs.get(`${scope}object`, { versionId: 'null' });
      expect([(await bytesOf(object.body)).toString(), object.info.etag]).toEqual(['one', etag]);
      expect(await ufs.head(`${scope}object`, { versionId: 'null' })).toMatchObject({ etag, sizeBytes: 3 });
    }
    const unknown = await refusal(ufs.get(`${scope}object`, { versionId: '01M8HBWSMABSSEWDFPTQT2Q274' }));
    expect([400, 404]).toContain(unknown.status);
  });

  it('reads the version that is asked for, and answers 412 for any other', async () => {
    const { ufs, scope } = subject();
    const before = await putObject(ufs, `${scope}object`, 'one');
    const object = await ufs.get(`${scope}object`, { ifMatch: before });
    expect((await bytesOf(object.body)).toString()).toBe('one');
    await putObject(ufs, `${scope}object`, 'two');
    const stale = await refusal(ufs.get(`${scope}object`, { ifMatch: before }));
    expect(stale).toMatchObject({ status: 412, code: 'PreconditionFailed' });
  });
}

function describeRanges(subject: () => Subject): void {
  const spans: [string, RangeRequest, number, number][] = [
    ['a span', { kind: 'span', start: 2, endExclusive: 5 }, 2, 5],
    ['a span past the end', { kind: 'span', start: 8, endExclusive: 400 }, 8, 10],
    ['one byte', { kind: 'span', start: 0, endExclusive: 1 }, 0, 1],
    ['from an offset', { kind: 'from', start: 7 }, 7, 10],
    ['a suffix', { kind: 'suffix', lengthBytes: 4 }, 6, 10],
    ['a suffix longer than the object', { kind: 'suffix', lengthBytes: 11 }, 0, 10],
  ];
  it.each(spans)('reads %s', async (_name, range, start, endExclusive) => {
    const { ufs, scope } = subject();
    await putObject(ufs, `${scope}digits`, '0123456789');
    const object = await ufs.get(`${scope}digits`, { range });
    expect(object.range).toEqual({ start, endExclusive });
    expect(object.info.sizeBytes).toBe(10);
    expect((await bytesOf(object.body)).toString()).toBe('0123456789'.slice(start, endExclusive));
  });

  it('reads a range deep in a large object', async () => {
    const { ufs, scope } = subject();
    const content = patternBytes(2 * 1024 * 1024);
    await putObject(ufs, `${scope}large`, content);
    const range = { kind: 'span', start: 1_500_000, endExclusive: 2_000_001 } as const;
    const object = await ufs.get(`${scope}large`, { range });
    expect((await bytesOf(object.body)).equals(content.subarray(1_500_000, 2_000_001))).toBe(true);
  });

  it('answers InvalidRange where a range starts at the end, or is empty', async () => {
    const { ufs, scope, capabilities } = subject();
    await putObject(ufs, `${scope}digits`, '0123456789');
    const past = await refusal(ufs.get(`${scope}digits`, { range: { kind: 'from', start: 10 } }));
    expect(past).toMatchObject({ status: 416, code: 'InvalidRange' });
    if (!capabilities.rangeRefusals) return;
    expect(past.fields.get('ActualObjectSize')).toBe('10');
    const none = ufs.get(`${scope}digits`, { range: { kind: 'suffix', lengthBytes: 0 } });
    expect(await refusal(none)).toMatchObject({ status: 416 });
  });
}

function describeBodies(subject: () => Subject): void {
  it('stays usable when bodies are left before, at and after their first byte', async () => {
    const { ufs, scope } = subject();
    const content = patternBytes(3 * 1024 * 1024);
    await putObject(ufs, `${scope}object`, content);
    for (let round = 0; round < 20; round += 1) {
      const unread = (await ufs.get(`${scope}object`)).body[Symbol.asyncIterator]();
      await unread.return?.();
      const begun = (await ufs.get(`${scope}object`)).body[Symbol.asyncIterator]();
      expect((await begun.next()).done).toBe(false);
      await begun.return?.();
      expect((await begun.next()).done).toBe(true);
    }
    expect((await bytesOf((await ufs.get(`${scope}object`)).body)).equals(content)).toBe(true);
  });

  it('stops a read whose signal aborts', async () => {
    const { ufs, scope } = subject();
    await putObject(ufs, `${scope}object`, patternBytes(4 * 1024 * 1024));
    const abort = new AbortController();
    const { body } = await ufs.get(`${scope}object`, { signal: abort.signal });
    const chunks = body[Symbol.asyncIterator]();
    await chunks.next();
    abort.abort(new Error('gone'));
    const rest = async () => {
      while (!(await chunks.next()).done);
    };
    await expect(rest()).rejects.toThrow();
    await expect(ufs.get(`${scope}object`, { signal: abort.signal })).rejects.toThrow();
  });

  it('never mixes versions: a read that began before a put ends with the old bytes, or fails', async () => {
    const { ufs, scope } = subject();
    const before = patternBytes(3 * 1024 * 1024, 1);
    const after = patternBytes(3 * 1024 * 1024, 2);
    await putObject(ufs, `${scope}object`, before);
    const { body } = await ufs.get(`${scope}object`);
    const chunks = body[Symbol.asyncIterator]();
    const first = await chunks.next();
    await ufs.put(`${scope}object`, uploadOf(after));
    const seen: Uint8Array[] = [Buffer.from(first.value)];
    const rest = async () => {
      for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
        seen.push(Buffer.from(next.value));
      }
      return Buffer.concat(seen).equals(before);
    };
    expect(await rest().catch(() => 'failed')).not.toBe(false);
    expect((await bytesOf((await ufs.get(`${scope}object`)).body)).equals(after)).toBe(true);
  });
}
