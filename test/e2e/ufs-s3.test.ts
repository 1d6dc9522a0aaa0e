/** The S3 driver against real stores: the contract of every driver, and what only a real store can show. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { crc32 } from 'node:zlib';
import type { UfsAnswerError } from '@forebay/core/errors';
import { silentLog } from '@forebay/core/log';
import type { UfsLocation } from '@forebay/core/mount';
import { openUfs, openUfsService } from '@forebay/ufs/open-ufs';
import type { Ufs } from '@forebay/ufs/ufs';
import { ufsContract } from '@forebay/ufs/ufs.contract';
import { ufsServiceContract } from '@forebay/ufs/ufs-service.contract';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type S3Server, startAnyKeyServer, startVersitygw } from '../support/servers.ts';
import { needs } from '../support/tools.ts';

const locationOf = ({ endpoint }: S3Server, bucket: string): UfsLocation => ({
  scheme: 's3',
  bucket,
  prefix: '',
  endpoint,
  region: 'us-east-1',
  pathStyle: true,
  credentials: { kind: 'env', name: 'LAKE' },
});
const depsOf = ({ accessKey }: S3Server, secretKey: string) => ({
  env: { LAKE_ACCESS_KEY_ID: accessKey, LAKE_SECRET_ACCESS_KEY: secretKey },
  log: silentLog,
});
const open = (server: S3Server, bucket: string, secretKey = server.secretKey): Promise<Ufs> =>
  openUfs(locationOf(server, bucket), depsOf(server, secretKey));

const opening = (start: () => Promise<S3Server>) => async () => {
  const server = await start();
  await server.createBucket('contract');
  const ufs = await open(server, 'contract');
  return {
    ufs,
    close: async () => {
      await ufs.close();
      await server.stop();
    },
  };
};

const openingService = (start: () => Promise<S3Server>) => async () => {
  const server = await start();
  const service = await openUfsService(locationOf(server, '{bucket}'), depsOf(server, server.secretKey));
  return {
    service,
    close: async () => {
      await service.close();
      await server.stop();
    },
  };
};

describe('on versitygw', await needs('versitygw'), () => {
  ufsServiceContract('versitygw', openingService(startVersitygw));
  ufsContract('versitygw', opening(startVersitygw), {
    anyKey: false,
    uploadListing: false,
    uploadRefusals: false,
    // Only where it keeps versions, which this one does not.
    nullVersion: false,
    // Calls a listing truncated that is not.
    listModelRuns: 0,
  });
});

describe('on a server that stores any key', await needs('radosgw'), () => {
  ufsServiceContract('radosgw', openingService(startAnyKeyServer), 'default');
  ufsContract('radosgw', opening(startAnyKeyServer), {
    attributes: false,
    checksums: false,
    conditionalWrites: false,
    conditionalDeletes: false,
    copyConditions: false,
    fullComplete: false,
    rangeRefusals: false,
    tagsKeepDate: false,
    repeatedComplete: false,
    uploadListing: false,
    uploadRefusals: false,
    // Takes a start-after that ends with the delimiter for a group, also where it is none.
    listModelRuns: 0,
  });
});

describe('the driver on versitygw', await needs('versitygw'), () => {
  let server: S3Server;
  let ufs: Ufs;
  beforeAll(async () => {
    server = await startVersitygw();
    await server.createBucket('lake');
    ufs = await open(server, 'lake');
  });
  afterAll(async () => {
    await ufs?.close();
    await server?.stop();
  });

  const content = randomBytes(3 * 1024 * 1024 + 17);
  const checksum = (bytes: Uint8Array) => {
    const value = Buffer.alloc(4);
    value.writeUInt32BE(crc32(bytes));
    return value.toString('base64');
  };
  async function* pieces(bytes: Uint8Array) {
    for (let start = 0; start < bytes.length; start += 100_000) yield bytes.subarray(start, start + 100_000);
  }
  const withTrailer = (value: string) => ({
    sizeBytes: content.length,
    body: pieces(content),
    headers: [
      ['content-encoding', 'gzip'],
      ['x-amz-meta-name', 'J\xc3\xbcrgen'],
    ] as const,
    trailer: { name: 'x-amz-checksum-crc32', value: () => value },
  });
  const answerOf = (promise: Promise<unknown>) =>
    promise.then(
      () => undefined,
      (error: UfsAnswerError) => error.answer,
    );

  it('has a checksum that came last verified and kept, and headers of any bytes stored', async () => {
    await ufs.put('trailer', withTrailer(checksum(content)));
    const info = await ufs.head('trailer');
    expect(info.sizeBytes).toBe(content.length);
    expect(Object.fromEntries(info.headers)).toMatchObject({
      'content-encoding': 'gzip',
      'x-amz-meta-name': 'J\xc3\xbcrgen',
      'x-amz-checksum-crc32': checksum(content),
    });
  });

  it('stores nothing where the checksum that came last is wrong', async () => {
    expect(await answerOf(ufs.put('wrong', withTrailer(checksum(Buffer.from('else')))))).toMatchObject({
      status: 400,
      code: 'BadDigest',
    });
    expect(await answerOf(ufs.get('wrong'))).toMatchObject({ code: 'NoSuchKey' });
  });

  it('leaves the old object where the source of a new one fails at its very end', async () => {
    await ufs.put('kept', { sizeBytes: 3, body: pieces(Buffer.from('old')), headers: [] });
    async function* failing() {
      yield* pieces(content);
      throw new Error('client left');
    }
    const failed = ufs.put('kept', { sizeBytes: content.length, body: failing(), headers: [] });
    await expect(failed).rejects.toThrow('client left');
    expect((await ufs.head('kept')).sizeBytes).toBe(3);
  });

  it('leaves no part of an object where its connection ends, as that of a killed process does', async () => {
    const store = Number(new URL(server.endpoint).port);
    const ended = Promise.withResolvers<void>();
    const cutting = createServer((client) => {
      const upstream = connect(store, '127.0.0.1');
      let receivedBytes = 0;
      client.on('data', (piece) => {
        receivedBytes += piece.length;
        if (receivedBytes < content.length / 2) upstream.write(piece);
        else upstream.end();
      });
      client.on('error', () => {});
      upstream.on('error', () => {});
      upstream.pipe(client);
      upstream.once('close', () => ended.resolve());
    });
    cutting.listen(0, '127.0.0.1');
    await once(cutting, 'listening');
    const endpoint = `http://127.0.0.1:${(cutting.address() as AddressInfo).port}`;
    const through = await open({ ...server, endpoint }, 'lake');
    const upload = { sizeBytes: content.length, body: pieces(content), headers: [] };
    await expect(through.put('torn', upload)).rejects.toThrow();
    await ended.promise;
    expect(await answerOf(ufs.head('torn'))).toMatchObject({ status: 404 });
    await through.close();
    cutting.close();
  });

  it('tells a wrong secret as the store does, however large the body that it does not read', async () => {
    const stranger = await open(server, 'lake', 'not-the-secret');
    const body = Buffer.alloc(16 * 1024 * 1024);
    const upload = { sizeBytes: body.length, body: pieces(body), headers: [] };
    const expected = { status: 403, code: 'SignatureDoesNotMatch' };
    expect(await answerOf(stranger.put('k', upload))).toMatchObject(expected);
    expect(await answerOf(stranger.get('k'))).toMatchObject(expected);
    expect(await answerOf(stranger.list({ prefix: '', maxKeys: 1 }))).toMatchObject(expected);
    expect(await answerOf(stranger.checkBucket())).toMatchObject({ status: 403, code: 'AccessDenied' });
    await stranger.close();
  });

  it('tells an upload that is not there as such', async () => {
    const expected = { status: 404, code: 'NoSuchUpload' };
    const upload = { sizeBytes: 3, body: pieces(Buffer.from('abc')), headers: [] };
    expect(await answerOf(ufs.abortUpload('k', 'none'))).toMatchObject(expected);
    expect(await answerOf(ufs.uploadPart('k', { ...upload, uploadId: 'none', partNumber: 1 }))).toMatchObject(
      expected,
    );
    const request = { uploadId: 'none', partNumberMarker: 0, maxParts: 10 };
    expect(await answerOf(ufs.listParts('k', request))).toMatchObject(expected);
  });

  it('tells a bucket that is not there as such', async () => {
    const lost = await open(server, 'nowhere');
    const expected = { status: 404, code: 'NoSuchBucket' };
    expect(await answerOf(lost.checkBucket())).toMatchObject(expected);
    expect(await answerOf(lost.get('k'))).toMatchObject(expected);
    expect(await answerOf(lost.list({ prefix: '', maxKeys: 1 }))).toMatchObject(expected);
    await lost.close();
  });
});
