import { execFileSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isKind } from '@forebay/core/errors';
import { headerValue } from '@forebay/core/object';
import { expect, it } from 'vitest';
import { bytesOf, patternBytes, putObject, refusal, uploadOf } from '../contract/support.ts';
import { filesBelow, opened } from './testing.ts';

it('serves files of other programs under an ETag that is no MD5 and changes with the file', async () => {
  const { ufs, directory } = await opened();
  const path = join(directory, 'foreign');
  await writeFile(path, 'first');
  const before = await ufs.head('foreign');
  expect(before.etag).toMatch(/^"[0-9a-f]{32}-1"$/);
  expect(before.headers).toEqual([['content-type', 'binary/octet-stream']]);
  const { entries } = await ufs.list({ prefix: '', maxKeys: 9 });
  expect(entries[0]).toMatchObject({ key: 'foreign', etag: before.etag, sizeBytes: 5 });
  await writeFile(path, 'another');
  expect((await ufs.head('foreign')).etag).not.toBe(before.etag);
});

it('drops metadata of a file that another program overwrote, even with size and mtime kept', async () => {
  const { ufs, directory, outside } = await opened();
  const etag = await putObject(ufs, 'object', 'mine', [['x-amz-meta-a', '1']]);
  const path = join(directory, 'object');
  const reference = join(outside, 'reference');
  execFileSync('touch', ['-r', path, reference]);
  await writeFile(path, 'your');
  execFileSync('touch', ['-r', reference, path]); // to the nanosecond, as a restored backup has it
  const info = await ufs.head('object');
  expect(info.etag).not.toBe(etag);
  expect(headerValue(info.headers, 'x-amz-meta-a')).toBeUndefined();
  await putObject(ufs, 'object', 'mine again');
  expect(await filesBelow(join(directory, '.forebay'))).toHaveLength(1);
});

it('keeps one sidecar per object and nothing on its way, whatever failed', async () => {
  const { ufs, directory } = await opened();
  for (const content of ['one', 'two', 'three']) await putObject(ufs, 'object', content);
  await putObject(ufs, 'odd/', 'odd');
  await putObject(ufs, 'odd/', 'odd again');
  const short = { ...uploadOf('short'), sizeBytes: 6 };
  await expect(ufs.put('object', short)).rejects.toThrow();
  await refusal(ufs.put('object', uploadOf('x', [['if-none-match', '*']])));
  const hidden = (await filesBelow(join(directory, '.forebay'))).map((path) => path.slice(directory.length));
  expect(hidden.filter((path) => path.includes('/meta/'))).toHaveLength(2);
  expect(hidden.filter((path) => path.includes('/odd/'))).toHaveLength(1);
  expect(hidden.filter((path) => path.includes('/tmp/'))).toEqual([]);
});

it('takes the sidecar of a crash before its second line, and none that is torn', async () => {
  const { ufs, directory } = await opened();
  const etag = await putObject(ufs, 'object', 'content', [['x-amz-meta-a', '1']]);
  const [sidecar] = await filesBelow(join(directory, '.forebay/meta'));
  const [record, amendment] = (await readFile(sidecar!, 'utf8')).split('\n');
  for (const left of [`${record}\n`, `${record}\n${amendment!.slice(0, 9)}`]) {
    await writeFile(sidecar!, left);
    expect(await ufs.head('object')).toMatchObject({ etag });
  }
  await writeFile(sidecar!, record!.slice(0, 40));
  expect((await ufs.head('object')).etag).toMatch(/-1"$/);
});

it('cuts a read whose file another program rewrites in place, before the first new byte', async () => {
  const { ufs, directory } = await opened();
  const content = patternBytes(2 * 1024 * 1024);
  await putObject(ufs, 'object', content);
  const { body } = await ufs.get('object');
  const chunks = body[Symbol.asyncIterator]();
  const first: Uint8Array = (await chunks.next()).value;
  let seenBytes = first.byteLength;
  await writeFile(join(directory, 'object'), patternBytes(content.byteLength, 9));
  const rest = async () => {
    for (let next = await chunks.next(); !next.done; next = await chunks.next())
      seenBytes += next.value.byteLength;
  };
  const error = await rest().catch((failure: unknown) => failure);
  expect(isKind(error, 'version-changed')).toBe(true);
  expect(seenBytes).toBe(first.byteLength);
});

it('ends a read with the old bytes when a put replaces the object, or a delete removes it', async () => {
  const { ufs } = await opened();
  const content = patternBytes(1024 * 1024);
  for (const change of [() => putObject(ufs, 'object', 'new'), () => ufs.delete('object', { headers: [] })]) {
    await putObject(ufs, 'object', content);
    const { body } = await ufs.get('object');
    await change();
    expect((await bytesOf(body)).equals(content)).toBe(true);
  }
});

it('shows each version with its own record while puts replace it', async () => {
  const { ufs } = await opened();
  const put = (n: number) => putObject(ufs, 'object', String(n), [['x-amz-meta-n', String(n)]]);
  const known = new Map([[await put(0), '0']]);
  let isWriting = true;
  const writing = (async () => {
    for (let n = 1; n <= 60; n += 1) known.set(await put(n), String(n));
    isWriting = false;
  })();
  const seen: { etag: string | undefined; n: string | undefined; content: string }[] = [];
  while (isWriting) {
    const [{ info, body }] = await Promise.all([ufs.get('object'), ufs.list({ prefix: '', maxKeys: 1 })]);
    const content = (await bytesOf(body)).toString();
    seen.push({ etag: info.etag, n: headerValue(info.headers, 'x-amz-meta-n'), content });
  }
  await writing;
  expect(seen.length).toBeGreaterThan(10);
  for (const { etag, n, content } of seen) expect([n, known.get(etag!)]).toEqual([content, content]);
});
