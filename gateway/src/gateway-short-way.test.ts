/**
 * Requests that are answered in the tick in which their head was parsed: the same bytes as on the usual way,
 * in their turn, and counted alike.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { MiB } from '@forebay/core/bytes';
import { emptySha256 } from '@forebay/core/sigv4';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { linkV4 } from '../../test/support/presigned.ts';
import { AtHandCacheNode } from './testing/at-hand-cache-node.ts';
import { FileBody } from './testing/file-body.ts';
import { LaterCacheNode } from './testing/later-cache-node.ts';
import { type RawAnswer, RawClient, signedHead } from './testing/raw-client.ts';
import { startTestGateway, type TestGateway, testAccessKey, testSecretKey } from './testing/test-gateway.ts';
import { testMount } from './testing/test-mount.ts';

const bytes = Buffer.from(Array.from({ length: 5000 }, (_, at) => at % 251));
const large = Buffer.alloc(300_000, 'large');
const huge = randomBytes(12 * MiB);
const host = 'localhost';
let folder: string;
let descriptor: number;
let gateway: TestGateway;
const home = new AtHandCacheNode(() => {
  throw new Error('no UFS is asked');
});

beforeAll(async () => {
  const mounts = [testMount({ bucket: 'lake' }), testMount({ bucket: 'open', anonymous: 'read' })];
  const headers = [
    ['content-type', 'text/plain'],
    ['x-amz-meta-colour', 'gr\u00fcn'],
    ['x-amz-checksum-crc32', 'AAAAAA=='],
  ] as const;
  home.put('a.txt', { bytes, headers });
  home.put('empty', { bytes: Buffer.alloc(0) });
  folder = mkdtempSync(join(tmpdir(), 'forebay-short-'));
  descriptor = openSync(join(folder, 'file'), 'w+');
  writeSync(descriptor, huge);
  home.put('huge', { bytes: huge, file: { descriptor, sliceBytesMax: MiB } });
  home.put('large', { bytes: large });
  home.put('a b/\u00e9.txt', { bytes });
  home.put('bad', { bytes, headers: [['x-amz-meta-bad', 'line\u0007bell']] });
  gateway = await startTestGateway(mounts, { home });
});

afterAll(async () => {
  await gateway.close();
  closeSync(descriptor);
  rmSync(folder, { recursive: true, force: true });
});

interface Asked {
  readonly method: string;
  readonly head: string;
}

const signed = (method: string, target: string, headers: Record<string, string> = {}): Asked => ({
  method,
  head: signedHead({ method, target, headers }),
});
const plain = (method: string, target: string, ...lines: string[]): Asked => ({
  method,
  head: `${method} ${target} HTTP/1.1\r\n${[`host: ${host}`, ...lines].join('\r\n')}\r\n\r\n`,
});
const presigned = (query: readonly (readonly [string, string])[] = []): Asked => {
  const server = { endpoint: `http://${host}`, accessKey: testAccessKey, secretKey: testSecretKey };
  return plain('GET', linkV4(server, { method: 'GET', path: '/lake/a.txt', expiresInSeconds: 60, query }));
};
const badlySigned = (): Asked => {
  const { method, head } = signed('GET', '/lake/a.txt');
  return { method, head: head.replace(/Signature=../, 'Signature=zz') };
};

const asked: Readonly<Record<string, () => Asked>> = {
  GET: () => signed('GET', '/lake/a.txt'),
  HEAD: () => signed('HEAD', '/lake/a.txt'),
  'GET of nothing': () => signed('GET', '/lake/empty'),
  'HEAD of nothing': () => signed('HEAD', '/lake/empty'),
  'GET of much': () => signed('GET', '/lake/large'),
  'GET of a file': () => signed('GET', '/lake/huge'),
  'a range of a file': () => signed('GET', '/lake/huge', { range: 'bytes=100000-300000' }),
  'a short range of a file': () => signed('GET', '/lake/huge', { range: 'bytes=7-90' }),
  'a range over parts of a file': () => signed('GET', '/lake/huge', { range: 'bytes=1000000-4000000' }),
  'GET of an escaped key': () => signed('GET', '/lake/a%20b/%C3%A9.txt'),
  'a span': () => signed('GET', '/lake/a.txt', { range: 'bytes=10-19' }),
  'an open range': () => signed('GET', '/lake/a.txt', { range: 'bytes=4990-' }),
  'a suffix': () => signed('GET', '/lake/a.txt', { range: 'bytes=-7' }),
  'HEAD of a range': () => signed('HEAD', '/lake/a.txt', { range: 'bytes=0-0' }),
  'no such range': () => signed('GET', '/lake/a.txt', { range: 'bytes=9999-' }),
  'HEAD of no such range': () => signed('HEAD', '/lake/a.txt', { range: 'bytes=9999-' }),
  'not modified': () => signed('GET', '/lake/a.txt', { 'if-none-match': '"etag-of-5000"' }),
  'HEAD, not modified': () => signed('HEAD', '/lake/a.txt', { 'if-none-match': '*' }),
  modified: () => signed('GET', '/lake/a.txt', { 'if-none-match': '"other"' }),
  'a failed precondition': () => signed('GET', '/lake/a.txt', { 'if-match': '"other"' }),
  'not modified since': () =>
    signed('GET', '/lake/a.txt', { 'if-modified-since': 'Fri, 02 Jan 2026 03:04:05 GMT' }),
  checksums: () => signed('GET', '/lake/a.txt', { 'x-amz-checksum-mode': 'ENABLED' }),
  overrides: () => signed('GET', '/lake/a.txt?response-content-type=image%2Fpng'),
  'a link': () => presigned(),
  'a link with overrides': () => presigned([['response-expires', 'never']]),
  anonymous: () => plain('GET', '/open/a.txt'),
  'anonymous, refused': () => plain('GET', '/lake/a.txt'),
  'anonymous HEAD, refused': () => plain('HEAD', '/lake/a.txt'),
  'anonymous overrides': () => plain('GET', '/open/a.txt?response-expires=never'),
  'absolute target': () => plain('GET', `http://${host}/open/a.txt`),
  'no key': () => signed('GET', '/lake/none'),
  'HEAD of no key': () => signed('HEAD', '/lake/none'),
  'no bucket': () => signed('GET', '/none/a.txt'),
  'no bucket name': () => signed('GET', '/UPPER/a.txt'),
  'a bad escape': () => plain('GET', '/lake/%zz'),
  'a bad signature': badlySigned,
  'an unknown access key': () => {
    const { method, head } = signed('GET', '/lake/a.txt');
    return { method, head: head.replace(testAccessKey, 'NOBODYSKEY') };
  },
  'a malformed Authorization': () => plain('GET', '/lake/a.txt', 'authorization: AWS4-HMAC-SHA256 x'),
  'an unsigned header': () => {
    const { method, head } = signed('GET', '/lake/a.txt');
    return { method, head: head.replace('\r\n\r\n', '\r\nx-amz-extra: 1\r\n\r\n') };
  },
  'no date': () =>
    plain(
      'GET',
      '/lake/a.txt',
      `x-amz-content-sha256: ${emptySha256}`,
      'authorization: AWS4-HMAC-SHA256 Credential=A/20260101/r/s3/aws4_request, SignedHeaders=host, Signature=00',
    ),
  'a header that is none': () => signed('GET', '/lake/bad'),
  'a GET of an operation not served': () => signed('GET', '/lake/a.txt?torrent'),
};

/** What is another in every answer. */
function normalised({ head, body }: RawAnswer) {
  const same = (text: string) =>
    text
      .replace(/(x-amz-request-id: |<RequestId>)[0-9A-F]{16}/, '$1ID')
      .replace(/(Date: |<ServerTime>)[^\r<]+/, '$1NOW');
  return { head: same(head), body: same(body) };
}

const byLongWay = ({ method, head }: Asked): Asked => ({
  method,
  // An expectation that nobody knows is ignored, and never goes the short way.
  head: head.replace('\r\n', '\r\nexpect: nothing\r\n'),
});

async function answerTo(client: RawClient, { method, head }: Asked): Promise<RawAnswer> {
  client.send(head);
  return client.answer({ head: method === 'HEAD' });
}

/** A client that does not read has made a request wait. */
async function untilInFlight(): Promise<void> {
  while (!/^forebay_requests_in_flight [1-9]/m.test(await gateway.metrics.text())) {
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe('the short way, of answers that come soon', () => {
  it.each(Object.keys(asked))('gives the same bytes as the usual one: %s', async (name) => {
    const mounts = [testMount({ bucket: 'lake' }), testMount({ bucket: 'open', anonymous: 'read' })];
    const later = await startTestGateway(mounts, { home: new LaterCacheNode(home) });
    const client = await RawClient.open(later.port);
    const request = asked[name]!();
    const shortly = normalised(await answerTo(client, request));
    const usually = normalised(await answerTo(client, byLongWay(request)));
    client.close();
    await later.close();
    expect(shortly).toEqual(usually);
  });
});

describe('the short way', () => {
  it.each(Object.keys(asked))('gives the same bytes as the usual one: %s', async (name) => {
    const client = await RawClient.open(gateway.port);
    const request = asked[name]!();
    const shortly = normalised(await answerTo(client, request));
    const usually = normalised(await answerTo(client, byLongWay(request)));
    client.close();
    expect(shortly).toEqual(usually);
  });

  it('is taken: Node makes no streams for a hit or an error, one after the other on a connection', async () => {
    const client = await RawClient.open(gateway.port);
    const before = gateway.streamed();
    for (const name of ['GET', 'HEAD', 'GET of much', 'no such range', 'not modified', 'a bad signature']) {
      await answerTo(client, asked[name]!());
    }
    expect(gateway.streamed() - before).toBe(0);
    await answerTo(client, byLongWay(asked.GET!()));
    expect(gateway.streamed() - before).toBe(1);
    client.close();
  });

  it('keeps the order of pipelined requests, whichever way each of them goes', async () => {
    const client = await RawClient.open(gateway.port);
    const names = ['GET', 'a span', 'no key', 'a suffix', 'GET of much', 'an open range'];
    const all = names.map((name, at) => (at % 2 === 0 ? asked[name]!() : byLongWay(asked[name]!())));
    client.send(all.map(({ head }) => head).join(''));
    const bodies: string[] = [];
    for (const { method } of all) bodies.push((await client.answer({ head: method === 'HEAD' })).body);
    expect(bodies[0]).toBe(bytes.toString('latin1'));
    expect(bodies[1]).toBe(bytes.toString('latin1', 10, 20));
    expect(bodies[2]).toContain('<Code>NoSuchKey</Code>');
    expect(bodies[3]).toBe(bytes.toString('latin1', 4993));
    expect(bodies[4]).toBe(large.toString('latin1'));
    expect(bodies[5]).toBe(bytes.toString('latin1', 4990));
    client.close();
  });

  it('sends whole answers to a client that asks on and reads late', async () => {
    const client = await RawClient.open(gateway.port);
    client.socket.pause();
    const count = 60;
    client.send(asked['GET of much']!().head.repeat(count));
    client.send(asked.GET!().head);
    client.socket.resume();
    for (let at = 0; at < count; at += 1) {
      expect((await client.answer()).body === large.toString('latin1')).toBe(true);
    }
    expect((await client.answer()).body).toBe(bytes.toString('latin1'));
    client.close();
  });

  it('sends at once what a client takes of a file, and the rest as it reads', async () => {
    const client = await RawClient.open(gateway.port);
    const streamed = gateway.streamed();
    client.socket.pause();
    const names = ['GET of a file', 'GET', 'GET of a file', 'a range over parts of a file', 'a span'];
    client.send(names.map((name) => asked[name]!().head).join(''));
    await untilInFlight();
    client.socket.resume();
    const bodies: Buffer[] = [];
    for (const _ of names) bodies.push(Buffer.from((await client.answer()).body, 'latin1'));
    const expected = [huge, bytes, huge, huge.subarray(1_000_000, 4_000_001), bytes.subarray(10, 20)];
    expect(bodies.map((body, at) => body.equals(expected[at]!))).toEqual(names.map(() => true));
    expect(gateway.streamed() - streamed).toBeGreaterThan(0);
    client.close();
  });

  it('leaves a file alone when its client has gone', async () => {
    const client = await RawClient.open(gateway.port);
    client.socket.pause();
    client.send(asked['GET of a file']!().head);
    await untilInFlight();
    client.close();
    await gateway.whenIdle();
    expect(home.fileBodies.every((body) => body.returned)).toBe(true);
  });

  it('is counted like the usual one', async () => {
    const counted = async () =>
      (await gateway.metrics.samples('forebay_requests_total')).map(
        ({ labels, value }) => [`${labels.op} ${labels.status} ${labels.cache}`, value] as const,
      );
    const difference = async (ask: Asked[]) => {
      const before = new Map(await counted());
      const client = await RawClient.open(gateway.port);
      for (const one of ask) await answerTo(client, one);
      client.close();
      await gateway.whenIdle();
      return (await counted())
        .map(([name, value]) => [name, value - (before.get(name) ?? 0)] as const)
        .filter(([, more]) => more > 0);
    };
    const all = Object.values(asked).map((ask) => ask());
    expect(await difference(all)).toEqual(await difference(all.map(byLongWay)));
  });

  it('has the same line in the access log', async () => {
    const lines: Record<string, unknown>[] = [];
    const write = (line: string) => {
      const fields = JSON.parse(line) as Record<string, unknown>;
      lines.push({ ...fields, id: '', time: '', ms: 0, waitMs: 0 });
    };
    const mounts = [testMount({ bucket: 'lake' })];
    const logged = await startTestGateway(mounts, {
      home,
      accessLines: { write },
      settings: { accessLog: 'on' },
    });
    const client = await RawClient.open(logged.port);
    for (const name of ['GET', 'HEAD', 'a span', 'no key', 'not modified', 'a bad signature']) {
      await answerTo(client, asked[name]!());
      await answerTo(client, byLongWay(asked[name]!()));
      await logged.whenIdle();
      const [shortly, usually] = lines.splice(0);
      expect(shortly).toEqual(usually);
      if (name === 'a span') expect(shortly).toMatchObject({ range: 'bytes=10-19', bytes: 10, cache: 'HIT' });
    }
    client.close();
    await logged.close();
  });

  it('ends the connection where something goes wrong midway, and nothing else', async () => {
    class BrokenNode extends AtHandCacheNode {
      override openNow(request: Parameters<AtHandCacheNode['openNow']>[0]) {
        const opened = super.openNow(request);
        if (opened.kind === 'object' && opened.body instanceof FileBody) {
          opened.body.unread = () => {
            throw new Error('a defect');
          };
        }
        return opened;
      }
    }
    const broken = new BrokenNode(() => {
      throw new Error('no UFS is asked');
    });
    broken.put('a.txt', { bytes });
    broken.put('huge', { bytes: huge, file: { descriptor: -1, sliceBytesMax: MiB } });
    const other = await startTestGateway([testMount({ bucket: 'lake' })], { home: broken });
    const client = await RawClient.open(other.port);
    client.send(asked['GET of a file']!().head);
    await client.closed();
    await other.whenIdle();
    const next = await RawClient.open(other.port);
    expect((await answerTo(next, asked.GET!())).status).toBe(200);
    next.close();
    await other.close();
  });

  it('does not keep a connection whose client asks for its end', async () => {
    const client = await RawClient.open(gateway.port);
    client.send(asked.GET!().head.replace('\r\n', '\r\nconnection: close\r\n'));
    expect((await client.closed()).toLowerCase()).toContain('connection: close');
  });
});
