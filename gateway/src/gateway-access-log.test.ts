/** The access log: one line for each request, whatever became of it, with all that S3's own has. */
import { once } from 'node:events';
import { MiB } from '@forebay/core/bytes';
import { sha256Hex } from '@forebay/core/sigv4';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { linkV4 } from '../../test/support/presigned.ts';
import type { GatewayConfig } from './settings.ts';
import { RawClient, signedHead } from './testing/raw-client.ts';
import { startTestGateway, type TestGateway, testAccessKey, testSecretKey } from './testing/test-gateway.ts';
import { testMount } from './testing/test-mount.ts';

const mount = testMount({ bucket: 'lake' });
const mounts = [mount, testMount({ bucket: 'open', anonymous: 'read' })];
const key = 'a b/"é.txt';
const signer = { endpoint: 'http://localhost', accessKey: testAccessKey, secretKey: testSecretKey };
const body = Buffer.alloc(32 * MiB, 'x');
let gateway: TestGateway;
let lines: string[];
let client: RawClient;

async function start(settings: Partial<GatewayConfig>): Promise<void> {
  lines = [];
  const accessLines = { write: (line: string) => void lines.push(line) };
  gateway = await startTestGateway(mounts, { accessLines, settings });
  const kept = [
    [key, Buffer.from('text')],
    ['large', body],
  ] as const;
  for (const where of mounts) {
    for (const [name, bytes] of kept) {
      await gateway.ufsOf(where).put(name, { sizeBytes: bytes.length, body: oneOf(bytes), headers: [] });
    }
  }
  client = await RawClient.open(gateway.port);
}
afterEach(async () => {
  client.close();
  await gateway.close();
});

async function* oneOf(bytes: Uint8Array) {
  yield bytes;
}

const path = '/lake/a%20b/%22%C3%A9.txt';
const get = (target: string, headers = {}) => signedHead({ method: 'GET', target, headers });
const put = (bytes: number) =>
  signedHead({
    ...{ method: 'PUT', target: '/lake/new', payload: sha256Hex(Buffer.alloc(bytes, 'y')) },
    headers: { 'content-length': String(bytes) },
  });

async function lineOf(...steps: (() => unknown)[]): Promise<Record<string, unknown>> {
  lines.length = 0;
  for (const step of steps) await step();
  await gateway.whenIdle();
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^[^\n]+\n$/);
  return JSON.parse(lines[0]!) as Record<string, unknown>;
}

const send = (text: string) => () => client.send(text);
const answered = () => client.answer();
const closed = () => client.closed();

describe('as JSON', () => {
  beforeEach(() => start({ accessLog: 'on' }));

  it('has a line of what is answered', async () => {
    expect(await lineOf(send(get(path, { range: 'bytes=1-2' })), answered)).toMatchObject({
      ...{ op: 'GetObject', method: 'GET', bucket: 'lake', key, range: 'bytes=1-2', user: 'root' },
      ...{
        client: '127.0.0.1',
        status: 206,
        bytes: 2,
        msg: 'request',
        id: expect.stringMatching(/^\w{16}$/),
      },
    });
    expect(await lineOf(send(`${put(3)}yyy`), answered)).toMatchObject({ op: 'PutObject', status: 200 });
  });

  it('has a line of what is refused, and who asked where that is known', async () => {
    expect(await lineOf(send(get('/lake/none')), answered)).toMatchObject({ status: 404, code: 'NoSuchKey' });
    const forged = get(path).replace(/Signature=..../, 'Signature=0000');
    const refused = await lineOf(send(forged), answered);
    expect(refused).toMatchObject({
      op: 'GetObject',
      status: 403,
      code: 'SignatureDoesNotMatch',
      bucket: 'lake',
    });
    expect(refused.user).toBeUndefined();
  });

  it('has a line of what is no request', async () => {
    expect(await lineOf(send('what is this\r\n\r\n'), closed)).toMatchObject({
      ...{ op: 'Unknown', status: 400, code: 'BadRequest', client: '127.0.0.1' },
    });
    client = await RawClient.open(gateway.port);
    const long = `GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(40_000)}\r\n\r\n`;
    expect(await lineOf(send(long), closed)).toMatchObject({
      ...{ status: 400, code: 'RequestHeaderSectionTooLarge' },
    });
  });

  it('has one line of a body that ends too early', async () => {
    const line = await lineOf(send(put(100)), send('only this'), () => client.socket.end(), closed);
    expect(line).toMatchObject({ op: 'PutObject', status: 400, code: 'IncompleteBody', user: 'root' });
  });

  it('has a line of a client that leaves before and in the middle of its answer', async () => {
    const ufs = gateway.ufsOf(mount);
    ufs.hold(['get']);
    const before = lineOf(
      send(get('/lake/large')),
      () => ufs.whenHeld(1),
      () => client.close(),
    );
    expect(await before).toMatchObject({ op: 'GetObject', end: 'client-gone', bytes: 0 });
    ufs.release();
    client = await RawClient.open(gateway.port);
    client.socket.pause();
    const amid = await lineOf(
      send(get('/lake/large')),
      () => once(client.socket, 'readable'),
      () => client.close(),
    );
    expect(amid).toMatchObject({ op: 'GetObject', status: 200, end: 'client-gone' });
  });
});

it('has no lines while it is off', async () => {
  await start({});
  client.send(get(path));
  await client.answer();
  client.send('what is this\r\n\r\n');
  await client.closed();
  await gateway.whenIdle();
  expect(lines).toEqual([]);
});

describe('as S3 has it', () => {
  beforeEach(() => start({ accessLog: 'on', accessLogFormat: 's3' }));

  /** What AWS's own guide has for queries of such logs, and the fields that came later. */
  const shape = new RegExp(
    '^([^ ]*) ([^ ]*) \\[(.*?)\\] ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ("[^"]*"|-) (-|[0-9]*) ([^ ]*) ([^ ]*) ' +
      '([^ ]*) ([^ ]*) ([^ ]*) ("[^"]*"|-) ("[^"]*"|-) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ' +
      '([^ ]*) ([^ ]*) ([^ ]*)\\n$',
  );
  const names = [
    ...[
      'owner',
      'bucket',
      'time',
      'ip',
      'requester',
      'id',
      'operation',
      'key',
      'uri',
      'status',
      'code',
      'bytes',
    ],
    ...[
      'size',
      'total',
      'wait',
      'referer',
      'agent',
      'version',
      'host',
      'signature',
      'cipher',
      'type',
      'header',
    ],
    ...['tls', 'point', 'acl', 'region'],
  ];

  async function fieldsOf(...steps: (() => unknown)[]): Promise<Record<string, string>> {
    lines.length = 0;
    for (const step of steps) await step();
    await gateway.whenIdle();
    expect(lines).toHaveLength(1);
    const match = shape.exec(lines[0]!);
    expect(match, lines[0]).not.toBeNull();
    return Object.fromEntries(names.map((name, index) => [name, match![index + 1]!]));
  }

  it('has all fields of a read, in order', async () => {
    const asked = get(path, { range: 'bytes=1-2', 'user-agent': 'a "quoted" one', referer: 'http://x/' });
    const read = await fieldsOf(send(asked), answered);
    expect(read).toMatchObject({
      ...{ owner: '-', bucket: 'lake', ip: '127.0.0.1', requester: 'root', operation: 'REST.GET.OBJECT' },
      ...{ key: 'a%20b/%22%C3%A9.txt', uri: `"GET ${path} HTTP/1.1"`, status: '206', code: '-', bytes: '2' },
      ...{
        size: '4',
        referer: '"http://x/"',
        agent: '"a %22quoted%22 one"',
        version: '-',
        signature: 'SigV4',
      },
      ...{
        cipher: '-',
        type: 'AuthHeader',
        header: 'localhost',
        tls: '-',
        point: '-',
        acl: '-',
        region: '-',
      },
    });
    expect(read.time).toMatch(/^\d\d\/[A-Z][a-z][a-z]\/\d{4}:\d\d:\d\d:\d\d \+0000$/);
    expect(read.total).toMatch(/^\d+$/);
    expect(Buffer.from(read.host!, 'base64').toString()).not.toBe('');
  });

  it('has writes, links without their signatures, and the unknown', async () => {
    expect(await fieldsOf(send(`${put(3)}yyy`), answered)).toMatchObject({
      ...{ operation: 'REST.PUT.OBJECT', size: '3', bytes: '-', status: '200' },
    });
    const link = linkV4(signer, { method: 'GET', path: '/lake/large', expiresInSeconds: 60 });
    const linked = await fieldsOf(send(`GET ${link} HTTP/1.1\r\nhost: localhost\r\n\r\n`), answered);
    expect(linked).toMatchObject({
      status: '200',
      signature: 'SigV4',
      type: 'QueryString',
      size: String(body.length),
    });
    expect(linked.uri).toContain('X-Amz-Signature=REDACTED');
    const anonymous = await fieldsOf(send('GET /open/large HTTP/1.1\r\nhost: localhost\r\n\r\n'), answered);
    expect(anonymous).toMatchObject({ requester: '-', signature: '-', type: '-', status: '200' });
    const listed = await fieldsOf(send(get('/lake?list-type=2')), answered);
    expect(listed).toMatchObject({ operation: 'REST.GET.BUCKET', key: '-', size: '-' });
    const location = await fieldsOf(send(get('/lake?location')), answered);
    expect(location).toMatchObject({ operation: 'REST.GET.LOCATION' });
    const unread = await fieldsOf(send('what is this\r\n\r\n'), closed);
    expect(unread).toMatchObject({ operation: '-', status: '400', code: 'BadRequest', ip: '127.0.0.1' });
  });
});
