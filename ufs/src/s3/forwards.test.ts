import { describe, expect, it } from 'vitest';
import type { UfsForward } from '../ufs.ts';
import { errorOf, openStore, reply } from './testing/raw-server.ts';

const tagging = { key: 'k', query: [['tagging', '']], headers: [] } as const;
const put: UfsForward = { ...tagging, method: 'PUT', effect: 'write', body: Buffer.from('<Tagging/>') };
const get: UfsForward = { ...tagging, method: 'GET', effect: 'read' };
const document = reply(200, '<?xml version="1.0"?>\n<Tagging/>', ['content-type: application/xml']);
const object = reply(200, 'bytes', ['etag: "e"', 'accept-ranges: bytes']);

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  let text = '';
  for await (const piece of body) text += Buffer.from(piece).toString('latin1');
  return text;
}

describe('a forwarded request', () => {
  it('goes as it is, signed anew, and its answer comes back as it is', async () => {
    const { ufs, server } = await openStore(async ({ body, method, write }) => {
      const sent = (await body()).toString();
      write(method === 'GET' ? document : reply(200, sent, ['x-amz-version-id: v', 'x-amz-id-2: i']));
    });
    const headers = [
      ['content-md5', 'q1a='],
      ['x-amz-expected-bucket-owner', '1'],
      ['authorization', 'of the client'],
      ['x-amz-security-token', 'of the client'],
    ] as const;
    const answer = await ufs.forward({ ...put, headers });
    expect(answer.headers).toEqual([
      ['content-length', '10'],
      ['x-amz-version-id', 'v'],
    ]);
    expect(await textOf(answer.body)).toBe('<Tagging/>');
    const sent = server.requests.at(-1)!;
    expect(sent.headers).toMatchObject({ 'content-md5': 'q1a=', 'x-amz-expected-bucket-owner': '1' });
    expect(sent.headers.authorization).toMatch(/^AWS4-HMAC-SHA256 /);
    expect(sent.headers).not.toHaveProperty('x-amz-security-token');
  });

  it('that writes is sent once, and its outcome is unknown where no answer comes', async () => {
    const { ufs, server } = await openStore(async ({ body, method, socket, write }) => {
      await body();
      if (method === 'GET') write(document);
      else socket.destroy();
    });
    expect(await errorOf(ufs.forward(put))).toMatchObject({ kind: 'state-unknown' });
    expect(server.requests.map(({ method }) => method)).toEqual(['GET', 'PUT']);
  });

  it('that reads is repeated', async () => {
    let asked = 0;
    const { ufs } = await openStore(({ write }) => write(++asked === 1 ? reply(503) : document));
    expect(await textOf((await ufs.forward(get)).body)).toContain('<Tagging/>');
    expect(asked).toBe(2);
  });
});

describe('a store that does not know the sub-resource', () => {
  it('and answers with the object itself is told as such, and its bytes are not', async () => {
    const { ufs } = await openStore(({ write }) => write(object));
    expect(await errorOf(ufs.forward(get))).toMatchObject({
      answer: { status: 501, code: 'NotImplemented' },
    });
  });

  it('and answers with a listing of the bucket is told as such', async () => {
    const { ufs } = await openStore(({ write }) => write(reply(200, '<ListBucketResult/>')));
    const request = { ...get, key: undefined, query: [['website', '']] } as const;
    expect(await errorOf(ufs.forward(request))).toMatchObject({ answer: { code: 'NotImplemented' } });
  });

  it('gets no write that it would take for one of the object', async () => {
    const { ufs, server } = await openStore(({ write }) => write(object));
    for (const method of ['PUT', 'DELETE'] as const) {
      expect(await errorOf(ufs.forward({ ...put, method }))).toMatchObject({ answer: { status: 501 } });
    }
    expect(server.requests.map(({ method }) => method)).toEqual(['GET', 'GET']);
  });
});

it.each([
  ['NoSuchVersion', 404],
  ['InvalidArgument', 400],
  ['MethodNotAllowed', 405],
  ['InvalidObjectState', 403],
  ['InvalidRequest', 400],
  ['AccessDenied', 403],
])(
  'does not take %s, which may be about the object, for knowledge of the sub-resource',
  async (code, status) => {
    const { ufs, server } = await openStore(({ method, target, write }) => {
      if (method === 'GET' && !target.includes('versionId')) write(object);
      else write(method === 'GET' ? reply(status, `<Error><Code>${code}</Code></Error>`) : reply(200));
    });
    const ofVersion = { ...put, query: [...put.query, ['versionId', 'v']] } as const;
    expect(await errorOf(ufs.forward(ofVersion))).toMatchObject({ answer: { code } });
    expect(await errorOf(ufs.forward(put))).toMatchObject({ answer: { code: 'NotImplemented' } });
    expect(server.requests.map(({ method }) => method)).toEqual(['GET', 'GET']);
  },
);

it('asks a store but once whether it knows a sub-resource, also where nothing is configured', async () => {
  const missing = reply(404, '<Error><Code>NoSuchTagSet</Code></Error>');
  const { ufs, server } = await openStore(({ method, write }) =>
    write(method === 'GET' ? missing : reply(200)),
  );
  await ufs.forward(put);
  await ufs.forward(put);
  expect(server.requests.map(({ method }) => method)).toEqual(['GET', 'PUT', 'PUT']);
});
