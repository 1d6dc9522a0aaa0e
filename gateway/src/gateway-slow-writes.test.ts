/** Writes that the UFS takes long over: 200 and white space first, the result or an error later. */
import type { IncomingMessage } from 'node:http';
import { UfsAnswerError } from '@forebay/core/errors';
import type { UfsMethod } from '@forebay/ufs/faulty';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WireClient } from '../../test/support/wire-client.ts';
import { startTestGateway, type TestGateway, testAccessKey, testSecretKey } from './testing/test-gateway.ts';
import { testMount } from './testing/test-mount.ts';

const lake = testMount({ bucket: 'lake' });
const pond = testMount({ bucket: 'pond' });
let gateway: TestGateway;
let client: WireClient;

beforeEach(async () => {
  gateway = await startTestGateway([lake, pond], { settings: { whiteSpaceIntervalMs: 10 } });
  const { endpoint } = gateway;
  client = new WireClient({ endpoint, accessKey: testAccessKey, secretKey: testSecretKey });
});
afterEach(async () => {
  client.close();
  await gateway.close();
});

/** An upload with one part, ready to be completed. */
async function completeCall() {
  const path = '/lake/big';
  const created = await client.send({ method: 'POST', path, query: [['uploads', '']] });
  const uploadId = /<UploadId>(.*)<\/UploadId>/.exec(created.body.toString())![1]!;
  const query = [
    ['partNumber', '1'],
    ['uploadId', uploadId],
  ] as const;
  const { headers } = await client.send({ method: 'PUT', path, query, body: Buffer.from('part') });
  const part = `<Part><PartNumber>1</PartNumber><ETag>${headers.etag}</ETag></Part>`;
  const body = Buffer.from(`<CompleteMultipartUpload>${part}</CompleteMultipartUpload>`);
  return { method: 'POST', path, query: [['uploadId', uploadId]] as const, body };
}

const slowCalls: readonly (readonly [
  string,
  UfsMethod,
  () => Promise<Parameters<WireClient['start']>[0]>,
])[] = [
  ['CompleteMultipartUpload', 'completeUpload', completeCall],
  ['CopyObject within a store', 'copy', async () => copyCall('/lake/copy')],
  ['CopyObject between stores', 'put', async () => copyCall('/pond/copy')],
  ['UploadPartCopy', 'uploadPartCopy', partCopyCall],
];

async function copyCall(path: string) {
  await client.put('/lake/source', Buffer.from('source'));
  return { method: 'PUT', path, headers: { 'x-amz-copy-source': '/lake/source' } };
}

async function partCopyCall() {
  const { path, query } = await completeCall();
  const call = await copyCall(path);
  return { ...call, query: [...query, ['partNumber', '2']] as const };
}

/** Reads until at least so many bytes are there, without closing the stream. */
async function readAtLeast(message: IncomingMessage, count: number): Promise<string> {
  let text = '';
  while (text.length < count) {
    const piece = message.read() as Buffer | null;
    if (piece) text += piece.toString();
    else await new Promise((resolve) => message.once('readable', resolve));
  }
  return text;
}

async function rest(message: IncomingMessage): Promise<string> {
  let text = '';
  for await (const piece of message) text += String(piece);
  return text;
}

const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';

describe.each(slowCalls)('a slow %s', (_name, method, callOf) => {
  it('gets white space until its result is known, and the result after the fence', async () => {
    const call = await callOf();
    const ufs = gateway.ufsOf(call.path.startsWith('/pond') ? pond : lake);
    ufs.hold([method]);
    const message = await client.start(call);
    expect(message.statusCode).toBe(200);
    expect(message.headers).toMatchObject({
      'content-type': 'application/xml',
      'transfer-encoding': 'chunked',
    });
    expect(message.headers['x-amz-request-id']).toMatch(/^\w+$/);
    const before = await readAtLeast(message, declaration.length + 3);
    expect(before).toMatch(/^<\?xml version="1.0" encoding="UTF-8"\?>\n +$/);
    const endsBefore = gateway.home.fences.filter(({ event }) => event === 'end').length;
    ufs.release();
    const result = await rest(message);
    expect(result).toMatch(/^ *<(CompleteMultipartUpload|CopyObject|CopyPart)Result xmlns=.*<ETag>/);
    if (method !== 'uploadPartCopy') {
      expect(gateway.home.fences.slice(-1)).toMatchObject([{ event: 'end', outcome: 'known' }]);
      expect(gateway.home.fences.filter(({ event }) => event === 'end')).toHaveLength(endsBefore + 1);
    }
  });

  it('gets an error document where it fails late', async () => {
    const call = await callOf();
    const ufs = gateway.ufsOf(call.path.startsWith('/pond') ? pond : lake);
    const held = Promise.withResolvers<void>();
    const answer = { status: 403, code: 'AccessDenied', message: 'Not today.' };
    ufs[method as 'put'] = async () => {
      await held.promise;
      throw new UfsAnswerError(answer);
    };
    const message = await client.start(call);
    expect(message.statusCode).toBe(200);
    held.resolve();
    const text = await rest(message);
    expect(text).toMatch(/\n +<Error><Code>AccessDenied<\/Code><Message>Not today\.<\/Message>/);
    expect(text).toContain(`<RequestId>${message.headers['x-amz-request-id']}</RequestId>`);
  });

  it('keeps the status of an error that comes in time', async () => {
    const call = await callOf();
    const ufs = gateway.ufsOf(call.path.startsWith('/pond') ? pond : lake);
    const error = () => new UfsAnswerError({ status: 403, code: 'AccessDenied', message: 'No.' });
    ufs.failNext(1, { methods: [method], error });
    expect(await client.send(call)).toMatchObject({ status: 403, code: 'AccessDenied' });
  });
});

it('says no success where the home does not confirm the end of a slow write', async () => {
  const call = await completeCall();
  gateway.ufsOf(lake).hold(['completeUpload']);
  const message = await client.start(call);
  gateway.home.failEnd = new Error('lost');
  gateway.ufsOf(lake).release();
  const text = await rest(message);
  expect(text).toContain('<Error><Code>InternalError</Code>');
  expect(text).not.toContain('Result');
});

it('ends the fence of a slow write whose client has left', async () => {
  const call = await completeCall();
  gateway.ufsOf(lake).hold(['completeUpload']);
  const message = await client.start(call);
  message.destroy();
  await gateway.whenClosed();
  gateway.ufsOf(lake).release();
  const ended = () => gateway.home.fences.at(-1)?.event === 'end';
  while (!ended()) await new Promise((resolve) => setImmediate(resolve));
  expect(gateway.home.fences.at(-1)).toMatchObject({ event: 'end', outcome: 'known' });
  expect((await client.send({ path: '/lake/big' })).body.toString()).toBe('part');
});

it('does not take a connection for dead on which white space goes out', async () => {
  await gateway.close();
  gateway = await startTestGateway([lake], { settings: { whiteSpaceIntervalMs: 50, idleTimeoutMs: 1000 } });
  client = new WireClient({ ...gateway, accessKey: testAccessKey, secretKey: testSecretKey });
  const call = await completeCall();
  gateway.ufsOf(lake).hold(['completeUpload']);
  const message = await client.start(call);
  // More white space than the idle time has room for.
  await readAtLeast(message, declaration.length + 30);
  gateway.ufsOf(lake).release();
  expect(await rest(message)).toContain('CompleteMultipartUploadResult');
});
