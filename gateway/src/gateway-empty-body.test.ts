/** Empty bodies have no last piece to hold back: what they announce must hold before anything is sent. */
import { afterEach, expect, it } from 'vitest';
import { RawClient, signedHead } from './testing/raw-client.ts';
import { startTestGateway, type TestGateway } from './testing/test-gateway.ts';
import { testMount } from './testing/test-mount.ts';

const mount = testMount({ bucket: 'lake' });
let gateway: TestGateway | undefined;
let client: RawClient | undefined;

afterEach(async () => {
  client?.socket.destroy();
  await gateway?.close();
});

async function putEmpty(payload: string, body: string, headers: Record<string, string> = {}) {
  gateway = await startTestGateway([mount]);
  client = await RawClient.open(gateway.port);
  const length = { 'content-length': String(body.length), 'x-amz-decoded-content-length': '0' };
  const head = signedHead({
    method: 'PUT',
    target: '/lake/empty',
    payload,
    headers: { ...length, ...headers },
  });
  client.send(head + body);
  return { answer: await client.answer(), puts: gateway.ufsOf(mount).countOf('put') };
}

it('refuses an empty body whose zero chunk is signed wrong, and sends nothing to the UFS', async () => {
  const body = `0;chunk-signature=${'0'.repeat(64)}\r\n\r\n`;
  const { answer, puts } = await putEmpty('STREAMING-AWS4-HMAC-SHA256-PAYLOAD', body);
  expect(answer).toMatchObject({ status: 403, body: expect.stringContaining('SignatureDoesNotMatch') });
  expect(puts).toBe(0);
});

it('refuses an empty body whose checksum trailer is wrong, and sends nothing to the UFS', async () => {
  const body = '0\r\nx-amz-checksum-crc32:AAAAAQ==\r\n\r\n';
  const trailer = { 'x-amz-trailer': 'x-amz-checksum-crc32' };
  const { answer, puts } = await putEmpty('STREAMING-UNSIGNED-PAYLOAD-TRAILER', body, trailer);
  expect(answer).toMatchObject({ status: 400, body: expect.stringContaining('BadDigest') });
  expect(puts).toBe(0);
});

it('stores an empty body whose checksum trailer holds', async () => {
  const body = '0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n';
  const trailer = { 'x-amz-trailer': 'x-amz-checksum-crc32' };
  const { answer, puts } = await putEmpty('STREAMING-UNSIGNED-PAYLOAD-TRAILER', body, trailer);
  expect(answer.status).toBe(200);
  expect(puts).toBe(1);
});
