import type { UfsAnswerError } from '@forebay/core/errors';
import { describe, expect, it } from 'vitest';
import { bytesOf, errorOf, openStore, reply } from './testing/raw-server.ts';

const span = (start: number, endExclusive: number) => ({ kind: 'span', start, endExclusive }) as const;
const kindOf = async (promise: Promise<unknown>) => (await errorOf(promise))?.kind ?? 'no error';

describe('an answer that is good', () => {
  it('keeps what the object says, byte for byte, and drops what one answer says', async () => {
    const { ufs, server } = await openStore(({ write }) =>
      write(
        reply(200, 'hello', [
          'ETag: "e1"',
          'Last-Modified: Fri, 24 May 2013 00:00:00 GMT',
          'Content-Type: text/plain',
          'x-amz-meta-name: J\xc3\xbcrgen',
          'x-amz-version-id: v1',
          'x-amz-checksum-crc32: abcd==',
          'x-amz-request-id: one',
          'x-amz-id-2: two',
          'Date: Fri, 24 May 2013 00:00:00 GMT',
          'Server: store',
          'Accept-Ranges: bytes',
        ]),
      ),
    );
    const { info, range, body } = await ufs.get('a b/+%?');
    expect(await bytesOf(body)).toBe('hello');
    expect(range).toEqual({ start: 0, endExclusive: 5 });
    expect(info).toEqual({
      sizeBytes: 5,
      etag: '"e1"',
      lastModifiedMs: Date.UTC(2013, 4, 24),
      versionId: 'v1',
      checksumsKnown: true,
      headers: [
        ['content-type', 'text/plain'],
        ['x-amz-meta-name', 'J\xc3\xbcrgen'],
        ['x-amz-version-id', 'v1'],
        ['x-amz-checksum-crc32', 'abcd=='],
      ],
    });
    expect(server.requests[0]?.target).toBe('/lake/a%20b/%2B%25%3F');
    expect(server.requests[0]?.headers).toMatchObject({
      'accept-encoding': 'identity',
      'x-amz-checksum-mode': 'ENABLED',
    });
  });

  it('to a range gives the range and no checksums of the whole', async () => {
    const { ufs, server } = await openStore(({ write }) =>
      write(reply(206, 'cde', ['ETag: "e"', 'Content-Range: bytes 2-4/10', 'x-amz-checksum-crc32: abcd=='])),
    );
    const { info, range } = await ufs.get('k', { range: span(2, 5), ifMatch: '"e"' });
    expect(range).toEqual({ start: 2, endExclusive: 5 });
    expect(info).toMatchObject({ sizeBytes: 10, checksumsKnown: false, headers: [] });
    expect(server.requests[0]?.headers).toMatchObject({ range: 'bytes=2-4', 'if-match': '"e"' });
  });

  it('of 200 to a range counts as the whole object', async () => {
    const { ufs } = await openStore(({ write }) => write(reply(200, '0123456789')));
    const { info, range, body } = await ufs.get('k', { range: span(2, 5) });
    expect([range, info.sizeBytes, info.checksumsKnown]).toEqual([{ start: 0, endExclusive: 10 }, 10, true]);
    expect(await bytesOf(body)).toBe('0123456789');
  });

  it('of 206 without bytes to a suffix is an empty object', async () => {
    const { ufs } = await openStore(({ write }) => write(reply(206, '', ['Content-Range: bytes 0--1/0'])));
    const { info, range } = await ufs.get('k', { range: { kind: 'suffix', lengthBytes: 9 } });
    expect([info.sizeBytes, range]).toEqual([0, { start: 0, endExclusive: 0 }]);
  });
});

describe('an answer that does not add up is ufs-unavailable', () => {
  it.each([
    ['content-range and content-length differ', reply(206, 'cde', ['Content-Range: bytes 2-5/10'])],
    ['less than was asked', reply(206, 'cd', ['Content-Range: bytes 2-3/10'])],
    ['another range', reply(206, 'fgh', ['Content-Range: bytes 5-7/10'])],
    ['an unknown size', reply(206, 'cde', ['Content-Range: bytes 2-4/*'])],
    ['a range past the end', reply(206, 'cde', ['Content-Range: bytes 2-4/4'])],
    ['no content-range', reply(206, 'cde')],
    ['no length', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['another success', reply(202, 'cde')],
    ['no HTTP', 'SSH-2.0-store\r\n\r\n'],
  ])('%s', async (_name, answer) => {
    const { ufs, server } = await openStore(({ write }) => write(answer));
    expect(await kindOf(ufs.get('k', { range: span(2, 5) }))).toBe('ufs-unavailable');
    expect(server.requests).toHaveLength(1);
  });

  it('a part where the whole was asked', async () => {
    const { ufs } = await openStore(({ write }) => write(reply(206, 'c', ['Content-Range: bytes 0-0/1'])));
    expect(await kindOf(ufs.get('k'))).toBe('ufs-unavailable');
  });

  it('a body that ends early, after its bytes were handed over, and it is not asked for again', async () => {
    const { ufs, server } = await openStore(({ write, socket }) => {
      write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc');
      socket.end();
    });
    const { body } = await ufs.get('k');
    const pieces: string[] = [];
    const reading = (async () => {
      for await (const piece of body) pieces.push(Buffer.from(piece).toString());
    })();
    expect(await kindOf(reading)).toBe('ufs-unavailable');
    expect(pieces.join('')).toBe('abc');
    expect(server.requests).toHaveLength(1);
  });

  it('a head that does not come, and a body that stalls, each within its limit', async () => {
    const { ufs } = await openStore(
      ({ write, index }) => {
        if (index === 1) write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc');
      },
      { firstHeaderTimeoutMs: 50, bodyIdleTimeoutMs: 50 },
    );
    expect(await kindOf(ufs.get('k'))).toBe('ufs-unavailable');
    const { body } = await ufs.get('k');
    expect(await kindOf(bytesOf(body))).toBe('ufs-unavailable');
  });
});

describe('a read is repeated', () => {
  it('at most twice, where the connection breaks before the head', async () => {
    const { ufs, server } = await openStore(({ socket, write, index }) =>
      index < 2 ? socket.resetAndDestroy() : write(reply(200, 'good')),
    );
    expect(await bytesOf((await ufs.get('k')).body)).toBe('good');
    expect(server.requests).toHaveLength(3);
  });

  it('at most twice, where the store asks for patience, and then its own answer is told', async () => {
    const slowDown = reply(503, '<Error><Code>SlowDown</Code><Message>Please.</Message></Error>');
    const { ufs, server } = await openStore(({ write }) => write(slowDown));
    await expect(ufs.list({ prefix: '', maxKeys: 1 })).rejects.toMatchObject({
      answer: { status: 503, code: 'SlowDown', message: 'Please.' },
    });
    expect(server.requests).toHaveLength(3);
  });

  it('no sooner than the store asks for, and each time is told', async () => {
    const sentMs: number[] = [];
    const { ufs } = await openStore(({ write, index }) => {
      sentMs.push(performance.now());
      write(index === 0 ? reply(503, '', ['retry-after: 1']) : reply(200, 'good'));
    });
    const reasons: string[] = [];
    const used = ufs.usedBy({
      hedges: true,
      onRetry: (reason) => void reasons.push(reason),
      onHedge: () => {},
    });
    expect(await bytesOf((await used.get('k')).body)).toBe('good');
    expect(reasons).toEqual(['503']);
    expect(sentMs[1]! - sentMs[0]!).toBeGreaterThanOrEqual(990);
  });

  it('not where the store asks for more patience than the deadline leaves', async () => {
    const { ufs, server } = await openStore(({ write }) => write(reply(503, '', ['retry-after: 60'])));
    expect(await kindOf(ufs.head('k'))).toBe('ufs-answer');
    expect(server.requests).toHaveLength(1);
  });

  it('not past its deadline', async () => {
    const { ufs, server } = await openStore(({ write }) => write(reply(503)), { readDeadlineMs: 0 });
    expect(await kindOf(ufs.head('k'))).toBe('ufs-answer');
    expect(server.requests).toHaveLength(1);
  });

  it('never where nobody listens: it fails at once', async () => {
    const { ufs, server } = await openStore(() => {});
    await server.close();
    const startedMs = performance.now();
    expect(await kindOf(ufs.get('k'))).toBe('ufs-unavailable');
    expect(await kindOf(ufs.list({ prefix: '', maxKeys: 1 }))).toBe('ufs-unavailable');
    expect(performance.now() - startedMs).toBeLessThan(1_000);
  });
});

describe('a direct read', () => {
  it('passes on what S3 says of the object, and nothing of servers and caches on the way', async () => {
    const told = [
      'etag: "e"',
      'last-modified: Fri, 24 May 2013 00:00:00 GMT',
      'content-range: bytes 0-1/9',
      'accept-ranges: bytes',
      'content-type: text/plain',
      'expires: whenever',
      'x-amz-meta-a: b',
      'x-amz-mp-parts-count: 3',
      'x-amz-request-charged: requester',
    ];
    const others = [
      ...['date: now', 'server: s', 'x-amz-request-id: r', 'x-amz-id-2: i', 'connection: keep-alive'],
      ...['x-cache: HIT', 'age: 7', 'via: 1.1 cdn', 'x-forebay-node: other', 'set-cookie: a=b'],
      ...['access-control-allow-origin: *', 'alt-svc: h3=":443"', 'strict-transport-security: max-age=1'],
    ];
    const { ufs } = await openStore(({ write }) => write(reply(206, 'ab', [...told, ...others])));
    const answer = await ufs.forward({ effect: 'read', method: 'GET', key: 'k', query: [], headers: [] });
    expect(answer.headers.map((header) => header.join(': '))).toEqual(['content-length: 2', ...told]);
    expect(await bytesOf(answer.body)).toBe('ab');
  });
});

describe('an error answer', () => {
  const failure = async (promise: Promise<unknown>) =>
    promise.then(
      () => undefined,
      (error: UfsAnswerError) => error.answer,
    );

  it('keeps a code and elements that nobody knows, and the headers of a delete marker', async () => {
    const body =
      '<?xml version="1.0"?>\n<Error><Code>Odd&amp;New</Code>' +
      '<Message>a &lt;b&gt; &#34;c&#x22;</Message><Zone>z</Zone></Error>';
    const { ufs } = await openStore(({ write }) =>
      write(reply(404, body, ['x-amz-delete-marker: true', 'x-amz-version-id: v', 'x-amz-request-id: r'])),
    );
    const answer = {
      status: 404,
      code: 'Odd&New',
      message: 'a <b> "c"',
      fields: [['Zone', 'z']],
      headers: [
        ['x-amz-delete-marker', 'true'],
        ['x-amz-version-id', 'v'],
      ],
    };
    expect(await failure(ufs.get('k'))).toEqual(answer);
    expect(await failure(ufs.list({ prefix: '', maxKeys: 1 }))).toEqual(answer);
  });

  it('about our own signature tells nothing of our credentials', async () => {
    const body =
      '<Error><Code>SignatureDoesNotMatch</Code><Message>No.</Message><AWSAccessKeyId>OURS</AWSAccessKeyId>' +
      '<StringToSign>OURS</StringToSign><SignatureProvided>OURS</SignatureProvided>' +
      '<StringToSignBytes>OURS</StringToSignBytes><CanonicalRequest>x-amz-security-token:OURS</CanonicalRequest>' +
      '<CanonicalRequestBytes>OURS</CanonicalRequestBytes><Token-0>OURS</Token-0><Zone>z</Zone></Error>';
    const { ufs } = await openStore(({ write }) => write(reply(403, body)));
    for (const request of [ufs.get('k'), ufs.delete('k', { headers: [] })]) {
      expect(await failure(request)).toMatchObject({
        code: 'SignatureDoesNotMatch',
        fields: [['Zone', 'z']],
      });
    }
  });

  it.each([
    [404, 'NoSuchKey'],
    [403, 'AccessDenied'],
    [412, 'PreconditionFailed'],
    [416, 'InvalidRange'],
    [301, 'PermanentRedirect'],
    [501, 'NotImplemented'],
    [418, 'BadRequest'],
  ])('to HEAD of %i is %s', async (status, code) => {
    const { ufs } = await openStore(({ write }) =>
      write(`HTTP/1.1 ${status} Any\r\ncontent-length: 99\r\n\r\n`),
    );
    expect(await failure(ufs.head('k'))).toMatchObject({ status, code });
  });

  it('of 404 to HEAD of the bucket is NoSuchBucket', async () => {
    const { ufs } = await openStore(({ write }) => write(reply(404)));
    expect(await failure(ufs.checkBucket())).toMatchObject({ code: 'NoSuchBucket' });
  });

  it('without end is cut, and its status told', async () => {
    const { ufs, server } = await openStore(({ write }) => {
      write(`HTTP/1.1 403 No\r\ncontent-length: 10000000\r\n\r\n${'x'.repeat(200_000)}`);
    });
    expect(await failure(ufs.get('k'))).toMatchObject({ status: 403, code: 'AccessDenied' });
    expect(server.requests).toHaveLength(1);
  });
});
