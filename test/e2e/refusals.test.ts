/**
 * What is not signed, not fresh or not what was signed is refused with S3's own code, and nothing of it
 * reaches the bucket. Every way of sending is shown to work untampered first.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import { chunkedBody } from '@forebay/gateway/testing/chunked-body';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { contentOf, differenceOf, mebibyte } from '../support/content.ts';
import { type CountingProxy, startCountingProxy } from '../support/counting-proxy.ts';
import { type ForebayProcess, s3Mount, startForebay } from '../support/forebay-process.ts';
import { untilMetric } from '../support/metrics.ts';
import { linkV2, linkV4 } from '../support/presigned.ts';
import { type S3Endpoint, type S3Server, startVersitygw } from '../support/servers.ts';
import { needs } from '../support/tools.ts';
import { type SignedCall, signCall, WireClient, type WireReply } from '../support/wire-client.ts';

const path = '/lake/victim';
const kept = contentOf(1, 100_000);
/** Long enough that a part of it is on its way to the bucket before the end proves it wrong. */
const body = contentOf(2, 2 * mebibyte + 1);
const tampered = Buffer.from(body);
tampered[tampered.length - 1]! ^= 1;
const minuteMs = 60_000;
/** Codes of status 403; the others here are 400. */
const forbidden = new Set([
  'AccessDenied',
  'InvalidAccessKeyId',
  'RequestTimeTooSkewed',
  'SignatureDoesNotMatch',
]);

const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest('base64');
const crc = (bytes: Buffer) => {
  const value = Buffer.alloc(4);
  value.writeUInt32BE(crc32(bytes));
  return value.toString('base64');
};

describe('what is refused', await needs('versitygw'), () => {
  let server: S3Server;
  let proxy: CountingProxy;
  let forebay: ForebayProcess;
  let strict: ForebayProcess;
  let client: WireClient;
  let direct: WireClient;

  beforeAll(async () => {
    server = await startVersitygw();
    await server.createBucket('lake');
    proxy = await startCountingProxy({ target: server });
    const { mount, env } = s3Mount('/lake', proxy, 'lake');
    forebay = await startForebay({ mounts: [mount], env });
    strict = await startForebay({ mounts: [mount], env, flags: ['--sigv2', 'off'] });
    client = new WireClient(forebay);
    direct = new WireClient(server);
    await direct.put(path, kept);
  });
  afterEach(() => proxy.reset());
  afterAll(async () => {
    client?.close();
    direct?.close();
    await forebay?.remove();
    await strict?.remove();
    await proxy?.stop();
    await server?.stop();
  });

  /** The bucket holds what it held, and no write to it was ever completed. */
  async function expectNothingStored(): Promise<void> {
    await untilMetric(forebay, 'forebay_fences_open', 0);
    await proxy.idle();
    const written = proxy.requests.filter(
      ({ method, status, state }) => method !== 'GET' && state === 'complete' && (status ?? 0) < 300,
    );
    expect(written).toEqual([]);
    const listing = await direct.send({ path: '/lake', query: [['list-type', '2']] });
    expect([...listing.body.toString().matchAll(/<Key>([^<]*)</g)].map(([, key]) => key)).toEqual(['victim']);
    const uploads = await direct.send({ path: '/lake', query: [['uploads', '']] });
    expect(uploads.body.toString()).not.toContain('<Upload>');
    expect(differenceOf((await direct.send({ path })).body, kept)).toBeUndefined();
  }

  async function expectRefused(reply: WireReply, code: string): Promise<void> {
    const status = forbidden.has(code) ? 403 : 400;
    expect({ status: reply.status, code: reply.code }).toEqual({ status, code });
    expect(reply.isCut).toBe(false);
    const ids = /<RequestId>([^<]+)<\/RequestId><HostId>([^<]+)</.exec(reply.body.toString());
    expect(ids?.slice(1)).toEqual([reply.headers['x-amz-request-id'], reply.headers['x-amz-id-2']]);
    expect(reply.body.toString()).not.toContain(forebay.secretKey);
    await expectNothingStored();
  }

  /** The same call untampered is stored: what refuses the other is the tampering. */
  async function expectStored(signed: SignedCall, sent: Buffer): Promise<void> {
    expect(await client.sendSigned(signed, sent)).toMatchObject({ status: 200 });
    expect(differenceOf((await direct.send({ path })).body, body)).toBeUndefined();
    await direct.put(path, kept);
  }

  const put = (more: { headers?: Record<string, string>; signedAtMs?: number; by?: S3Endpoint } = {}) =>
    signCall(more.by ?? forebay, { method: 'PUT', path, body, ...more });

  const withHeaders = (signed: SignedCall, headers: Record<string, string>): SignedCall => ({
    ...signed,
    headers: { ...signed.headers, ...headers },
  });

  describe('by its signature', () => {
    it('nothing that is signed right and sent as signed', async () => {
      const headers = { 'x-amz-meta-a': '1', 'content-md5': md5(body), 'x-amz-checksum-crc32': crc(body) };
      await expectStored(put({ headers }), body);
      await expectStored(put({ signedAtMs: Date.now() - 14 * minuteMs }), body);
    });

    it.each<[string, () => SignedCall, string]>([
      [
        'an unknown access key',
        () => put({ by: { ...forebay, accessKey: 'NOBODYSACCESSKEY' } }),
        'InvalidAccessKeyId',
      ],
      ['a wrong secret', () => put({ by: { ...forebay, secretKey: 'a guess' } }), 'SignatureDoesNotMatch'],
      [
        'a clock 20 minutes behind',
        () => put({ signedAtMs: Date.now() - 20 * minuteMs }),
        'RequestTimeTooSkewed',
      ],
      [
        'a clock 20 minutes ahead',
        () => put({ signedAtMs: Date.now() + 20 * minuteMs }),
        'RequestTimeTooSkewed',
      ],
      [
        'a changed header',
        () => withHeaders(put({ headers: { 'x-amz-meta-a': '1' } }), { 'x-amz-meta-a': '2' }),
        'SignatureDoesNotMatch',
      ],
      ['a header added', () => withHeaders(put(), { 'x-amz-acl': 'public-read' }), 'AccessDenied'],
      [
        'a payload hash put in place of the signed one',
        () => withHeaders(put(), { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' }),
        'SignatureDoesNotMatch',
      ],
      ['another path', () => ({ ...put(), target: '/lake/other' }), 'SignatureDoesNotMatch'],
      ['a query added', () => ({ ...put(), target: `${path}?tagging` }), 'SignatureDoesNotMatch'],
      ['another method', () => ({ ...put(), method: 'POST' }), 'SignatureDoesNotMatch'],
      [
        'a hash that is none',
        () => signCall(forebay, { method: 'PUT', path, body, payloadHash: 'unsigned-payload' }),
        'InvalidArgument',
      ],
      [
        'signature version 2 in the header',
        () => withHeaders(put(), { authorization: `AWS ${forebay.accessKey}:c2lnbmF0dXJl` }),
        'InvalidRequest',
      ],
      ['an empty authorization', () => withHeaders(put(), { authorization: '' }), 'InvalidArgument'],
      [
        'a signature cut short',
        () => withHeaders(put(), { authorization: put().headers.authorization!.slice(0, -1) }),
        'SignatureDoesNotMatch',
      ],
    ])('%s', async (_, make, code) => {
      await expectRefused(await client.sendSigned(make(), body), code);
    });

    it('a request without a hash of its payload', async () => {
      const { 'x-amz-content-sha256': _, ...headers } = put().headers;
      await expectRefused(await client.sendSigned({ ...put(), headers }, body), 'InvalidRequest');
    });

    it('a request that nobody signed', async () => {
      const headers = { host: put().headers.host!, 'content-length': String(body.length) };
      await expectRefused(await client.sendSigned({ ...put(), headers }, body), 'AccessDenied');
      await expectRefused(
        await client.sendSigned({ method: 'GET', target: path, headers: {}, signing: put().signing }),
        'AccessDenied',
      );
    });
  });

  describe('by its body', () => {
    const parts = [body.subarray(0, mebibyte), body.subarray(mebibyte)];

    /** A call in the `aws-chunked` framing, and its body. */
    function chunked(mode: 'signed' | 'signed-trailer' | 'unsigned-trailer') {
      const payloadHash = {
        signed: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
        'signed-trailer': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
        'unsigned-trailer': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
      }[mode];
      const trailer = mode !== 'signed';
      const encode = (signing: SignedCall['signing']) =>
        chunkedBody({
          chunks: parts,
          signing: mode === 'unsigned-trailer' ? undefined : signing,
          trailers: trailer ? [['x-amz-checksum-crc32', crc(body)]] : [],
          trailer,
        });
      // Signatures have one length: the framing's is known before the head is signed.
      const lengthBytes = encode(put().signing).length;
      const headers = {
        'content-encoding': 'aws-chunked',
        'content-length': String(lengthBytes),
        'x-amz-decoded-content-length': String(body.length),
        ...(trailer && { 'x-amz-trailer': 'x-amz-checksum-crc32' }),
      };
      const signed = signCall(forebay, { method: 'PUT', path, headers, payloadHash });
      return { signed, sent: encode(signed.signing) };
    }

    /** Replaces the one byte after the last occurrence of `marker`. */
    function flipAfter(sent: Buffer, marker: string | Buffer): Buffer {
      const at = sent.lastIndexOf(marker) + marker.length;
      const changed = Buffer.from(sent);
      changed[at] = changed[at] === 0x30 ? 0x31 : 0x30;
      return changed;
    }

    const lastData = body.subarray(-32, -1);

    it.each(['signed', 'signed-trailer', 'unsigned-trailer'] as const)('nothing in mode %s', async (mode) => {
      const { signed, sent } = chunked(mode);
      await expectStored(signed, sent);
    });

    it.each<[string, Parameters<typeof chunked>[0], (sent: Buffer) => Buffer, string]>([
      ['a changed chunk', 'signed', (sent) => flipAfter(sent, lastData), 'SignatureDoesNotMatch'],
      [
        'a changed chunk signature',
        'signed',
        (sent) => flipAfter(sent, 'chunk-signature='),
        'SignatureDoesNotMatch',
      ],
      [
        'a changed chunk before a trailer',
        'signed-trailer',
        (sent) => flipAfter(sent, lastData),
        'SignatureDoesNotMatch',
      ],
      [
        'a changed trailer, signed',
        'signed-trailer',
        (sent) => flipAfter(sent, 'x-amz-checksum-crc32:'),
        'SignatureDoesNotMatch',
      ],
      [
        'a changed trailer signature',
        'signed-trailer',
        (sent) => flipAfter(sent, 'x-amz-trailer-signature:'),
        'SignatureDoesNotMatch',
      ],
      [
        'a changed trailer, unsigned',
        'unsigned-trailer',
        (sent) => flipAfter(sent, 'x-amz-checksum-crc32:'),
        'BadDigest',
      ],
      ['a changed chunk, unsigned', 'unsigned-trailer', (sent) => flipAfter(sent, lastData), 'BadDigest'],
      [
        'another trailer than announced',
        'unsigned-trailer',
        (sent) => Buffer.from(sent.toString('latin1').replace('crc32:', 'crc33:'), 'latin1'),
        'MalformedTrailerError',
      ],
      [
        'a chunk that is longer than it says',
        'unsigned-trailer',
        (sent) => Buffer.from(sent.toString('latin1').replace(/^100000\r\n/, '0fffff\r\n'), 'latin1'),
        'IncompleteBody',
      ],
    ])('%s', async (_, mode, change, code) => {
      const { signed, sent } = chunked(mode);
      const changed = change(sent);
      expect(changed.equals(sent)).toBe(false);
      await expectRefused(await client.sendSigned(signed, changed), code);
    });

    it.each<[string, Record<string, string>, string]>([
      ['a wrong Content-MD5', { 'content-md5': md5(kept) }, 'BadDigest'],
      ['a Content-MD5 that is none', { 'content-md5': 'bm9uZQ==' }, 'InvalidDigest'],
      ['a wrong checksum', { 'x-amz-checksum-crc32': crc(kept) }, 'BadDigest'],
      ['a checksum that is none', { 'x-amz-checksum-crc32': 'bm9uZQo=!' }, 'InvalidRequest'],
      [
        'two checksums',
        { 'x-amz-checksum-crc32': crc(body), 'x-amz-checksum-crc32c': crc(body) },
        'InvalidRequest',
      ],
      [
        'a checksum algorithm without its checksum',
        { 'x-amz-sdk-checksum-algorithm': 'CRC32' },
        'InvalidRequest',
      ],
    ])('%s', async (_, headers, code) => {
      await expectRefused(await client.sendSigned(put({ headers }), body), code);
    });

    it('a body that is not the one whose hash was signed', async () => {
      await expectRefused(await client.sendSigned(put(), tampered), 'XAmzContentSHA256Mismatch');
    });

    it('an empty body where another was signed', async () => {
      const signed = signCall(forebay, {
        method: 'PUT',
        path,
        headers: { 'content-length': '0' },
        payloadHash: put().headers['x-amz-content-sha256']!,
      });
      await expectRefused(await client.sendSigned(signed), 'XAmzContentSHA256Mismatch');
    });

    it('a part of an upload, of which nothing is kept either', async () => {
      const created = await direct.send({ method: 'POST', path, query: [['uploads', '']] });
      const uploadId = /<UploadId>([^<]+)</.exec(created.body.toString())![1]!;
      const query = [
        ['partNumber', '1'],
        ['uploadId', uploadId],
      ] as const;
      const signed = signCall(forebay, { method: 'PUT', path, query, body });
      const reply = await client.sendSigned(signed, tampered);
      const listed = await direct.send({ path, query: [['uploadId', uploadId]] });
      expect(listed.body.toString()).not.toContain('<Part>');
      await direct.send({ method: 'DELETE', path, query: [['uploadId', uploadId]] });
      await expectRefused(reply, 'XAmzContentSHA256Mismatch');
    });

    it('a DeleteObjects that was changed', async () => {
      const document = (key: string) => Buffer.from(`<Delete><Object><Key>${key}</Key></Object></Delete>`);
      const [signedFor, sent] = [document('cictim'), document('victim')];
      const call = { method: 'POST', path: '/lake', query: [['delete', '']] } as const;
      const byHash = signCall(forebay, { ...call, headers: { 'content-md5': md5(sent) }, body: signedFor });
      await expectRefused(await client.sendSigned(byHash, sent), 'XAmzContentSHA256Mismatch');
      const byDigest = signCall(forebay, { ...call, headers: { 'content-md5': md5(signedFor) }, body: sent });
      await expectRefused(await client.sendSigned(byDigest, sent), 'BadDigest');
    });

    /** Sends a head and a part of its body, then no more; `end` says how the client leaves. */
    async function sendPart(signed: SignedCall, part: Buffer, end: 'half-close' | 'reset'): Promise<string> {
      const { hostname, port } = new URL(forebay.endpoint);
      const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
      await once(socket, 'connect');
      const lines = Object.entries(signed.headers).map(([name, value]) => `${name}: ${value}`);
      socket.write(`${signed.method} ${signed.target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
      socket.write(part);
      if (end === 'half-close') {
        socket.end();
        return text(socket);
      }
      await untilMetric(forebay, 'forebay_fences_open', 1);
      socket.resetAndDestroy();
      return '';
    }

    it('a body that ends early, plain or in chunks', async () => {
      for (const { signed, sent } of [{ signed: put(), sent: body }, chunked('unsigned-trailer')]) {
        const answer = await sendPart(signed, sent.subarray(0, -1), 'half-close');
        expect(answer).toContain('HTTP/1.1 400 ');
        expect(answer).toContain('<Code>IncompleteBody</Code>');
        await expectNothingStored();
      }
    });

    it('a client that vanishes in the middle of its body', async () => {
      for (const { signed, sent } of [{ signed: put(), sent: body }, chunked('signed')]) {
        await sendPart(signed, sent.subarray(0, mebibyte), 'reset');
        await expectNothingStored();
      }
    });

    it('fewer bytes than the framing announces', async () => {
      const { signed, sent } = chunked('unsigned-trailer');
      const short = Buffer.concat([
        sent.subarray(0, sent.indexOf('\r\n') + 2 + mebibyte),
        Buffer.from('\r\n0\r\n\r\n'),
      ]);
      const { 'x-amz-content-sha256': payloadHash = '' } = signed.headers;
      const headers = {
        'content-length': String(short.length),
        'x-amz-decoded-content-length': String(body.length),
      };
      const again = signCall(forebay, { method: 'PUT', path, headers, payloadHash });
      await expectRefused(await client.sendSigned(again, short), 'IncompleteBody');
    });
  });

  describe('by its link', () => {
    const link = { method: 'PUT', path, expiresInSeconds: 600 } as const;
    const send = (target: string, headers: Record<string, string> = {}, to = client) =>
      to.sendSigned(
        { ...put(), target, headers: { 'content-length': String(body.length), ...headers } },
        body,
      );

    it('none that is good', async () => {
      for (const target of [linkV4(forebay, link), linkV2(forebay, link)]) {
        expect(await send(target)).toMatchObject({ status: 200 });
        expect(differenceOf((await direct.send({ path })).body, body)).toBeUndefined();
        await direct.put(path, kept);
      }
    });

    it.each<[string, () => string, string]>([
      [
        'an expired one',
        () => linkV4(forebay, { ...link, signedAtMs: Date.now() - 11 * minuteMs }),
        'AccessDenied',
      ],
      [
        'one of the future',
        () => linkV4(forebay, { ...link, signedAtMs: Date.now() + 20 * minuteMs }),
        'AccessDenied',
      ],
      [
        'one with a longer life than it was signed for',
        () => linkV4(forebay, link).replace('X-Amz-Expires=600', 'X-Amz-Expires=6000'),
        'SignatureDoesNotMatch',
      ],
      [
        'one for another key',
        () => linkV4(forebay, link).replace('/victim', '/other'),
        'SignatureDoesNotMatch',
      ],
      ['one for another method', () => linkV4(forebay, { ...link, method: 'GET' }), 'SignatureDoesNotMatch'],
      ['one with a parameter added', () => `${linkV4(forebay, link)}&tagging=`, 'SignatureDoesNotMatch'],
      [
        'one that hoists an ACL',
        () => `${linkV4(forebay, link)}&x-amz-acl=public-read`,
        'SignatureDoesNotMatch',
      ],
      [
        'one of an unknown key',
        () => linkV4({ ...forebay, accessKey: 'NOBODYSACCESSKEY' }, link),
        'InvalidAccessKeyId',
      ],
      [
        'one that lacks its signature',
        () => linkV4(forebay, link).replace(/&X-Amz-Signature=.*/, ''),
        'AuthorizationQueryParametersError',
      ],
      [
        'one that lives longer than a week',
        () => linkV4(forebay, { ...link, expiresInSeconds: 604_801 }),
        'AuthorizationQueryParametersError',
      ],
      [
        'an expired one of version 2',
        () => linkV2(forebay, { ...link, expiresInSeconds: -1 }),
        'AccessDenied',
      ],
      [
        'one of version 2 with another end',
        () => linkV2(forebay, link).replace(/Expires=\d+/, 'Expires=4102444800'),
        'SignatureDoesNotMatch',
      ],
      [
        'one of version 2 for another key',
        () => linkV2(forebay, link).replace('/victim', '/other'),
        'SignatureDoesNotMatch',
      ],
      [
        'one of version 2 with a sub-resource added',
        () => `${linkV2(forebay, link)}&tagging`,
        'SignatureDoesNotMatch',
      ],
      [
        'one of version 2 of an unknown key',
        () => linkV2({ ...forebay, accessKey: 'NOBODYSACCESSKEY' }, link),
        'InvalidAccessKeyId',
      ],
    ])('%s', async (_, make, code) => {
      await expectRefused(await send(make()), code);
    });

    it('one to which a header was added that it does not sign', async () => {
      const reply = await send(linkV4(forebay, link), { 'x-amz-meta-a': '1' });
      await expectRefused(reply, 'AccessDenied');
    });

    it('one of version 2, good as it is, where the operator has switched them off', async () => {
      const off = new WireClient(strict);
      expect(await send(linkV2(strict, link), {}, off)).toMatchObject({
        status: 400,
        code: 'InvalidRequest',
      });
      await expectNothingStored();
      expect(await send(linkV4(strict, link), {}, off)).toMatchObject({ status: 200 });
      off.close();
      await direct.put(path, kept);
    });
  });
});
