/** Requests that go to the store as they are: an object's tags and attributes, a bucket's configuration. */
import { createHash } from 'node:crypto';
import { type HeaderList, headerValue } from '@forebay/core/object';
import { expect, it } from 'vitest';
import type { Ufs, UfsForward } from '../ufs.ts';
import { bytesOf, itWhere, putObject, refusal, type Subject, type UfsCapabilities } from './support.ts';

const taggingOf = (...tags: readonly (readonly [key: string, value: string])[]) =>
  Buffer.from(
    `<Tagging xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><TagSet>${tags
      .map(([key, value]) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`)
      .join('')}</TagSet></Tagging>`,
  );

const read = { method: 'GET', effect: 'read' } as const;
const tagging = [['tagging', '']] as const;

async function ask(ufs: Ufs, request: Omit<UfsForward, 'headers'> & { headers?: HeaderList }) {
  const answer = await ufs.forward({ headers: [], ...request });
  return { ...answer, text: (await bytesOf(answer.body)).toString() };
}

export function describeForwards(subject: () => Subject, capabilities: UfsCapabilities): void {
  describeTags(subject, capabilities);
  describeOthers(subject, capabilities);
}

function describeTags(subject: () => Subject, capabilities: UfsCapabilities): void {
  itWhere(capabilities.tags)('keeps an object’s tags, and leaves its version as it was', async () => {
    const { ufs, scope } = subject();
    const key = `${scope}tagged`;
    await putObject(ufs, key, 'text', [['x-amz-meta-a', 'b']]);
    const before = await ufs.head(key);
    const body = taggingOf(['class', 'a + b=c'], ['empty', '']);
    expect(await ask(ufs, { method: 'PUT', effect: 'write', key, query: tagging, body })).toMatchObject({
      status: 200,
      text: '',
    });
    const { text } = await ask(ufs, { ...read, key, query: tagging });
    expect(text).toMatch(/<Key>class<\/Key>\s*<Value>a \+ b=c<\/Value>/);
    const after = await ufs.head(key);
    expect(headerValue(after.headers, 'x-amz-tagging-count')).toBe('2');
    expect(headerValue(after.headers, 'x-amz-meta-a')).toBe('b');
    expect(after.etag).toBe(before.etag);
    if (capabilities.tagsKeepDate) expect(after.lastModifiedMs).toBe(before.lastModifiedMs);
    expect((await bytesOf((await ufs.get(key)).body)).toString()).toBe('text');
  });

  itWhere(capabilities.tags)('forgets tags that are deleted or overwritten', async () => {
    const { ufs, scope } = subject();
    const key = `${scope}tagged`;
    await putObject(ufs, key, 'text', [['x-amz-tagging', 'a=1&b=2']]);
    const deleted = await ask(ufs, { method: 'DELETE', effect: 'write', key, query: tagging });
    expect(deleted.status).toBe(204);
    expect((await ask(ufs, { ...read, key, query: tagging })).text).not.toContain('<Tag>');
    expect(headerValue((await ufs.head(key)).headers, 'x-amz-tagging-count')).toBeUndefined();
  });

  itWhere(capabilities.tags)('refuses eleven tags and what is no document', async () => {
    const { ufs, scope } = subject();
    const key = `${scope}object`;
    await putObject(ufs, key, 'text');
    const put = (body: Uint8Array) =>
      refusal(ufs.forward({ method: 'PUT', effect: 'write', key, query: tagging, headers: [], body }));
    const eleven = Array.from({ length: 11 }, (_, index) => [`k${index}`, 'v'] as const);
    expect((await put(taggingOf(...eleven))).status).toBe(400);
    expect(await put(Buffer.from('<Tagging><TagSet>'))).toMatchObject({ status: 400, code: 'MalformedXML' });
  });
}

function describeOthers(subject: () => Subject, capabilities: UfsCapabilities): void {
  itWhere(capabilities.attributes)('tells the attributes that are asked for', async () => {
    const { ufs, scope } = subject();
    const key = `${scope}object`;
    const etag = await putObject(ufs, key, 'text');
    const { text } = await ask(ufs, {
      ...read,
      key,
      query: [['attributes', '']],
      headers: [['x-amz-object-attributes', 'ETag,ObjectSize']],
    });
    expect(text).toContain(`<ETag>${etag.replaceAll('"', '')}</ETag>`);
    expect(text).toContain('<ObjectSize>4</ObjectSize>');
    expect(text).not.toContain('StorageClass');
  });

  it('answers NoSuchKey about what is not there', async () => {
    const { ufs, scope } = subject();
    const missing = ufs.forward({ ...read, key: `${scope}nothing`, query: tagging, headers: [] });
    expect(await refusal(missing)).toMatchObject({ status: 404, code: 'NoSuchKey' });
  });

  itWhere(capabilities.cors)('keeps the CORS rules of its bucket until they are deleted', async () => {
    const { ufs } = subject();
    const query = [['cors', '']] as const;
    const rule =
      '<CORSRule><AllowedOrigin>https://a.example</AllowedOrigin><AllowedMethod>GET</AllowedMethod></CORSRule>';
    const body = Buffer.from(`<CORSConfiguration>${rule}</CORSConfiguration>`);
    const md5 = createHash('md5').update(body).digest('base64');
    const write = { method: 'PUT', effect: 'write', query, body, headers: [['content-md5', md5]] } as const;
    expect((await ask(ufs, write)).status).toBe(200);
    expect((await ask(ufs, { ...read, query })).text).toContain('<AllowedOrigin>https://a.example<');
    expect((await ask(ufs, { method: 'DELETE', effect: 'write', query })).status).toBe(204);
    const missing = ufs.forward({ ...read, query, headers: [] });
    expect(await refusal(missing)).toMatchObject({ status: 404, code: 'NoSuchCORSConfiguration' });
  });

  it('tells the versioning of its bucket, and that it has no website', async () => {
    const { ufs } = subject();
    const { status, text } = await ask(ufs, { ...read, query: [['versioning', '']] });
    expect(status).toBe(200);
    expect(text).toContain('<VersioningConfiguration');
    const website = ufs.forward({ ...read, query: [['website', '']], headers: [] });
    expect((await refusal(website)).status).toBeGreaterThanOrEqual(400);
  });
}
