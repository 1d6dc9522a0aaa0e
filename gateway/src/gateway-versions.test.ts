/** ListObjectVersions on the wire, over stores that keep one version of each object. */
import { DeleteObjectCommand, ListObjectVersionsCommand, S3Client } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestGateway, type TestGateway, testAccessKey, testSecretKey } from './testing/test-gateway.ts';
import { testMount } from './testing/test-mount.ts';

const lake = testMount({ bucket: 'lake', ufsPrefix: 'data/' });
const nested = testMount({ bucket: 'lake', keyPrefix: 'b/' });
let gateway: TestGateway;
let s3: S3Client;

beforeAll(async () => {
  gateway = await startTestGateway([lake, nested]);
  s3 = new S3Client({
    endpoint: gateway.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: testAccessKey, secretAccessKey: testSecretKey },
    maxAttempts: 1,
  });
  const stored = [
    [lake, 'data/a'],
    [lake, 'data/b/hidden'],
    [lake, 'data/c d+é'],
    [nested, '1'],
    [nested, '2'],
  ] as const;
  for (const [mount, key] of stored) {
    const body = (async function* () {
      yield Buffer.from(key);
    })();
    await gateway.ufsOf(mount).put(key, { sizeBytes: Buffer.byteLength(key), body, headers: [] });
  }
});

afterAll(async () => {
  s3.destroy();
  await gateway.close();
});

const list = (query: object) => s3.send(new ListObjectVersionsCommand({ Bucket: 'lake', ...query }));

it('lists every visible object under the client’s key, as its newest version', async () => {
  const listing = await list({});
  expect(listing.Versions?.map(({ Key }) => Key)).toEqual(['a', 'b/1', 'b/2', 'c d+é']);
  expect(listing.Versions?.[0]).toMatchObject({ VersionId: 'null', IsLatest: true, Size: 6 });
  expect(listing).toMatchObject({ IsTruncated: false, MaxKeys: 1000, Name: 'lake' });
  expect(listing.NextKeyMarker).toBeUndefined();
});

it('goes from page to page by both markers', async () => {
  const keys: string[] = [];
  let markers = {};
  for (let page = 0; page < 4; page += 1) {
    const listing = await list({ MaxKeys: 1, ...markers });
    keys.push(...(listing.Versions ?? []).map(({ Key }) => Key!));
    expect(listing.IsTruncated).toBe(page < 3);
    expect(listing.NextVersionIdMarker).toBe(page < 3 ? 'null' : undefined);
    markers = { KeyMarker: listing.NextKeyMarker, VersionIdMarker: listing.NextVersionIdMarker };
  }
  expect(keys).toEqual(['a', 'b/1', 'b/2', 'c d+é']);
});

it('groups by a delimiter, a group of a nested mount too, and names no version behind one', async () => {
  const grouped = await list({ Delimiter: '/', MaxKeys: 2 });
  expect(grouped.CommonPrefixes).toEqual([{ Prefix: 'b/' }]);
  expect(grouped).toMatchObject({ IsTruncated: true, NextKeyMarker: 'b/' });
  expect(grouped.NextVersionIdMarker).toBeUndefined();
  const rest = await list({ Delimiter: '/', KeyMarker: 'b/' });
  expect(rest.Versions?.map(({ Key }) => Key)).toEqual(['c d+é']);
});

it('encodes names where the client asks for it', async () => {
  const listing = await list({ EncodingType: 'url', Prefix: 'c', KeyMarker: 'c ' });
  expect(listing).toMatchObject({ EncodingType: 'url', KeyMarker: 'c+' });
  expect(listing.Versions?.map(({ Key }) => Key)).toEqual(['c+d%2B%C3%A9']);
});

it('lists nothing for max-keys 0, and knows no version marker without a key', async () => {
  expect(await list({ MaxKeys: 0 })).toMatchObject({ IsTruncated: false, MaxKeys: 0 });
  await expect(list({ VersionIdMarker: 'v' })).rejects.toMatchObject({
    name: 'InvalidArgument',
    message: 'A version-id marker cannot be specified without a key marker.',
  });
});

it('deletes the version `null` of an object, fenced by its key', async () => {
  await s3.send(new DeleteObjectCommand({ Bucket: 'lake', Key: 'b/2', VersionId: 'null' }));
  expect((await list({ Prefix: 'b/' })).Versions?.map(({ Key }) => Key)).toEqual(['b/1']);
  expect(gateway.home.fences.map(({ event, keys }) => [event, keys])).toEqual([
    ['begin', ['2']],
    ['end', ['2']],
  ]);
});
