/** PUT and DELETE: what is kept beside the bytes, conditions, and writes that fail half-way. */
import { createHash } from 'node:crypto';
import { headerValue } from '@forebay/core/object';
import { expect, it } from 'vitest';
import {
  bytesOf,
  chunked,
  expectAbsent,
  itWhere,
  patternBytes,
  putObject,
  refusal,
  type Subject,
  textAt,
  type UfsCapabilities,
  uploadOf,
} from './support.ts';

export function describeWrites(subject: () => Subject, capabilities: UfsCapabilities): void {
  describeStored(subject, capabilities);
  describeFailedPuts(subject);
  describeDeletes(subject, capabilities);
  if (capabilities.conditionalWrites) describeConditions(subject);
}

function describeStored(subject: () => Subject, { etagIsMd5, checksums, tags }: UfsCapabilities): void {
  it('replaces an object as a whole: bytes, ETag and headers', async () => {
    const { ufs, scope } = subject();
    const before = await putObject(ufs, `${scope}object`, 'the first, longer one', [['x-amz-meta-a', '1']]);
    const after = await putObject(ufs, `${scope}object`, 'second', [['content-type', 'text/plain']]);
    expect(after).not.toBe(before);
    const { info, body } = await ufs.get(`${scope}object`);
    expect((await bytesOf(body)).toString()).toBe('second');
    expect(info).toMatchObject({ etag: after, sizeBytes: 6 });
    expect(headerValue(info.headers, 'content-type')).toBe('text/plain');
    expect(headerValue(info.headers, 'x-amz-meta-a')).toBeUndefined();
  });

  it('keeps content headers and user metadata', async () => {
    const { ufs, scope } = subject();
    const headers = [
      ['content-type', 'application/x-thing; v=1'],
      ['content-encoding', 'gzip'],
      ['content-disposition', 'attachment; filename="a b.txt"'],
      ['content-language', 'de'],
      ['cache-control', 'max-age=60, private'],
      ['x-amz-meta-plain', 'some value'],
      ['x-amz-meta-with-dashes', '0'],
    ] as const;
    await putObject(ufs, `${scope}object`, 'x', headers);
    const { info, body } = await ufs.get(`${scope}object`);
    await bytesOf(body);
    for (const kept of [await ufs.head(`${scope}object`), info]) {
      for (const [name, value] of headers)
        expect([name, headerValue(kept.headers, name)]).toEqual([name, value]);
    }
  });

  itWhere(etagIsMd5)('names a single put by the MD5 of its bytes', async () => {
    const { ufs, scope } = subject();
    const content = patternBytes(300_000);
    const etag = await putObject(ufs, `${scope}object`, content);
    expect(etag).toBe(`"${createHash('md5').update(content).digest('hex')}"`);
  });

  itWhere(checksums)('keeps a checksum, given ahead or once the body has ended', async () => {
    const { ufs, scope } = subject();
    const sha256 = createHash('sha256').update('checked').digest('base64');
    const ahead = await ufs.put(`${scope}ahead`, uploadOf('checked', [['x-amz-checksum-sha256', sha256]]));
    const trailer = { name: 'x-amz-checksum-sha256', value: () => sha256 };
    const after = await ufs.put(`${scope}after`, { ...uploadOf('checked'), trailer });
    for (const written of [ahead, after]) expect(headerValue(written.headers, trailer.name)).toBe(sha256);
    for (const name of ['ahead', 'after']) {
      const { headers, checksumsKnown } = await ufs.head(scope + name);
      expect(checksumsKnown).toBe(true);
      expect(headerValue(headers, trailer.name)).toBe(sha256);
    }
  });

  itWhere(tags)('counts the tags it was given', async () => {
    const { ufs, scope } = subject();
    await putObject(ufs, `${scope}tagged`, 'x', [['x-amz-tagging', 'a=1&b=two%20words']]);
    expect(headerValue((await ufs.head(`${scope}tagged`)).headers, 'x-amz-tagging-count')).toBe('2');
  });
}

function describeFailedPuts(subject: () => Subject): void {
  it('leaves the old object where the body fails half-way', async () => {
    const { ufs, scope } = subject();
    await putObject(ufs, `${scope}object`, 'old', [['x-amz-meta-a', '1']]);
    const etag = (await ufs.head(`${scope}object`)).etag;
    const content = patternBytes(500_000);
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield* chunked(content.subarray(0, 300_000));
      throw new Error('the client left');
    }
    const upload = { sizeBytes: content.byteLength, body: broken(), headers: [] };
    await expect(ufs.put(`${scope}object`, upload)).rejects.toThrow();
    expect(await textAt(ufs, `${scope}object`)).toBe('old');
    const info = await ufs.head(`${scope}object`);
    expect(info.etag).toBe(etag);
    expect(headerValue(info.headers, 'x-amz-meta-a')).toBe('1');
  });

  it('stores nothing where the body is shorter or longer than announced', async () => {
    const { ufs, scope } = subject();
    const short = { sizeBytes: 10, body: chunked(Buffer.from('012345678')), headers: [] };
    await expect(ufs.put(`${scope}short`, short)).rejects.toThrow();
    await expectAbsent(ufs, `${scope}short`);
    const long = { sizeBytes: 10, body: chunked(Buffer.from('0123456789+')), headers: [] };
    await expect(ufs.put(`${scope}long`, long)).rejects.toThrow();
    await expectAbsent(ufs, `${scope}long`);
  });

  it('stores nothing where the signal aborts in the middle', async () => {
    const { ufs, scope } = subject();
    const abort = new AbortController();
    async function* left(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('01234');
      abort.abort(new Error('gone'));
      yield Buffer.from('56789');
    }
    const upload = { sizeBytes: 10, body: left(), headers: [], signal: abort.signal };
    await expect(ufs.put(`${scope}object`, upload)).rejects.toThrow();
    await expectAbsent(ufs, `${scope}object`);
  });
}

function describeDeletes(subject: () => Subject, { conditionalDeletes }: UfsCapabilities): void {
  it('deletes, also what was not there', async () => {
    const { ufs, scope } = subject();
    await putObject(ufs, `${scope}deep/er/object`, 'x');
    await ufs.delete(`${scope}deep/er/object`, { headers: [] });
    await expectAbsent(ufs, `${scope}deep/er/object`);
    await ufs.delete(`${scope}deep/er/object`, { headers: [] });
    expect(await ufs.list({ prefix: scope, maxKeys: 10 })).toEqual({
      entries: [],
      commonPrefixes: [],
      truncated: false,
    });
  });

  it('deletes many and answers for each', async () => {
    const { ufs, scope } = subject();
    const keys = ['a', 'b/c', 'missing'].map((name) => scope + name);
    for (const key of [...keys.slice(0, 2), `${scope}kept`]) await putObject(ufs, key, 'x');
    const deleted = await ufs.deleteMany(
      keys.map((key) => ({ key })),
      [],
    );
    expect(deleted.map(({ key }) => key).sort()).toEqual(keys);
    expect(deleted.filter((answer) => 'error' in answer)).toEqual([]);
    const { entries } = await ufs.list({ prefix: scope, maxKeys: 10 });
    expect(entries.map(({ key }) => key)).toEqual([`${scope}kept`]);
  });

  itWhere(conditionalDeletes)('deletes only the version that if-match names', async () => {
    const { ufs, scope } = subject();
    const etag = await putObject(ufs, `${scope}object`, 'x');
    const other = [['if-match', '"00000000000000000000000000000000"']] as const;
    const refused = await refusal(ufs.delete(`${scope}object`, { headers: other }));
    expect(refused).toMatchObject({ status: 412, code: 'PreconditionFailed' });
    expect(await textAt(ufs, `${scope}object`)).toBe('x');
    await ufs.delete(`${scope}object`, { headers: [['if-match', etag]] });
    await expectAbsent(ufs, `${scope}object`);
  });
}

function describeConditions(subject: () => Subject): void {
  it('creates with if-none-match: * once', async () => {
    const { ufs, scope } = subject();
    const headers = [['if-none-match', '*']] as const;
    await putObject(ufs, `${scope}lock`, 'first', headers);
    const second = await refusal(ufs.put(`${scope}lock`, uploadOf('second', headers)));
    expect(second).toMatchObject({ status: 412, code: 'PreconditionFailed' });
    expect(await textAt(ufs, `${scope}lock`)).toBe('first');
  });

  it('lets one of many creators win', async () => {
    const { ufs, scope } = subject();
    const names = Array.from({ length: 8 }, (_, index) => `writer ${index}`);
    const outcomes = await Promise.allSettled(
      names.map((name) => ufs.put(`${scope}lock`, uploadOf(name, [['if-none-match', '*']]))),
    );
    const winners = names.filter((_, index) => outcomes[index]!.status === 'fulfilled');
    expect(winners).toHaveLength(1);
    expect(await textAt(ufs, `${scope}lock`)).toBe(winners[0]);
  });

  it('replaces only the version that if-match names', async () => {
    const { ufs, scope } = subject();
    const headers = (etag: string) => [['if-match', etag]] as const;
    const first = await putObject(ufs, `${scope}object`, 'one');
    const second = await putObject(ufs, `${scope}object`, 'two', headers(first));
    const stale = await refusal(ufs.put(`${scope}object`, uploadOf('three', headers(first))));
    expect(stale).toMatchObject({ status: 412, code: 'PreconditionFailed' });
    expect((await ufs.head(`${scope}object`)).etag).toBe(second);
    const nothing = await refusal(ufs.put(`${scope}nothing`, uploadOf('x', headers(first))));
    expect(nothing).toMatchObject({ status: 404, code: 'NoSuchKey' });
  });
}
