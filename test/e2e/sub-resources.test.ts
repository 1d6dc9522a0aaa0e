/**
 * Sub-resources through Forebay, compared with what the same store answers when it is asked directly: each
 * call goes to a bucket that Forebay mounts and to its twin, and both must have the same to say.
 */
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ForebayProcess, s3Mount, startForebay } from '../support/forebay-process.ts';
import { runPython } from '../support/python.ts';
import { type S3Server, startAnyKeyServer, startVersitygw } from '../support/servers.ts';
import { tempDir } from '../support/temp.ts';
import { needs } from '../support/tools.ts';
import { type WireCall, WireClient, type WireReply } from '../support/wire-client.ts';

interface Call {
  readonly method: string;
  /** Below the bucket; the bucket itself without it. */
  readonly key?: string;
  readonly query: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const namespace = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
const taggingDocument = `<Tagging ${namespace}><TagSet><Tag><Key>team</Key><Value>blue</Value></Tag></TagSet></Tagging>`;
const corsDocument = `<CORSConfiguration ${namespace}><CORSRule><AllowedOrigin>https://a.example</AllowedOrigin><AllowedMethod>GET</AllowedMethod><AllowedHeader>*</AllowedHeader><ExposeHeader>ETag</ExposeHeader></CORSRule></CORSConfiguration>`;
const lifecycleDocument = `<LifecycleConfiguration ${namespace}><Rule><ID>old</ID><Filter><Prefix>logs/</Prefix></Filter><Status>Enabled</Status><Expiration><Days>30</Days></Expiration></Rule></LifecycleConfiguration>`;
const lockDocument = `<ObjectLockConfiguration ${namespace}><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>`;
const ownershipDocument = `<OwnershipControls ${namespace}><Rule><ObjectOwnership>BucketOwnerPreferred</ObjectOwnership></Rule></OwnershipControls>`;
const versioningDocument = `<VersioningConfiguration ${namespace}><Status>Suspended</Status></VersioningConfiguration>`;

const bucketReads = [
  ...[
    'accelerate',
    'acl',
    'analytics',
    'cors',
    'encryption',
    'intelligent-tiering',
    'inventory',
    'lifecycle',
  ],
  ...['logging', 'metrics', 'notification', 'object-lock', 'ownershipControls', 'policy', 'policyStatus'],
  ...['publicAccessBlock', 'replication', 'requestPayment', 'tagging', 'versioning', 'website'],
];
const objectReads = ['acl', 'attributes', 'legal-hold', 'retention', 'tagging', 'torrent'];

const bucketChanges: readonly Call[] = [
  { method: 'PUT', query: 'tagging', body: taggingDocument },
  { method: 'PUT', query: 'tagging', body: '<Tagging>' },
  { method: 'DELETE', query: 'tagging' },
  { method: 'PUT', query: 'cors', body: corsDocument },
  { method: 'DELETE', query: 'cors' },
  { method: 'PUT', query: 'lifecycle', body: lifecycleDocument },
  { method: 'DELETE', query: 'lifecycle' },
  { method: 'PUT', query: 'versioning', body: versioningDocument },
  { method: 'PUT', query: 'object-lock', body: lockDocument },
  { method: 'PUT', query: 'ownershipControls', body: ownershipDocument },
  { method: 'DELETE', query: 'ownershipControls' },
  { method: 'PUT', query: 'policy', body: '{"Version": "no policy"}' },
  { method: 'DELETE', query: 'policy' },
  { method: 'DELETE', query: 'website' },
  { method: 'DELETE', query: 'analytics&id=none' },
];
const objectChanges: readonly Call[] = [
  { method: 'PUT', query: 'tagging', body: taggingDocument },
  { method: 'PUT', query: 'tagging', body: '<Tagging>' },
  { method: 'DELETE', query: 'tagging' },
  { method: 'PUT', query: 'acl', headers: { 'x-amz-acl': 'private' } },
  { method: 'PUT', query: 'legal-hold', body: `<LegalHold ${namespace}><Status>ON</Status></LegalHold>` },
  { method: 'PUT', query: 'retention', body: `<Retention ${namespace}><Mode>GOVERNANCE</Mode></Retention>` },
];

const stores = [
  { name: 'versitygw', start: () => startVersitygw(), skip: await needs('versitygw') },
  { name: 'radosgw', start: startAnyKeyServer, skip: await needs('radosgw') },
];

for (const { name, start, skip } of stores) {
  describe(`on ${name}`, skip, () => {
    let server: S3Server;
    let forebay: ForebayProcess;
    let through: WireClient;
    let direct: WireClient;

    beforeAll(async () => {
      server = await start();
      for (const bucket of ['mounted', 'twin']) await server.createBucket(bucket);
      const { mount, env } = s3Mount('/shop', server, 'mounted');
      forebay = await startForebay({ mounts: [mount], env });
      through = new WireClient(forebay);
      direct = new WireClient(server);
      await through.put('/shop/k', Buffer.from('text'));
      await direct.put('/twin/k', Buffer.from('text'));
    });
    afterAll(async () => {
      through?.close();
      direct?.close();
      await forebay?.remove();
      await server?.stop();
    });

    const callOf = (bucket: string, { method, key, query, body, headers }: Call): WireCall => ({
      method,
      path: key === undefined ? `/${bucket}` : `/${bucket}/${key}`,
      query: query.split('&').map((pair) => [pair.split('=')[0]!, pair.split('=')[1] ?? ''] as const),
      headers: {
        ...headers,
        ...(body && { 'content-md5': createHash('md5').update(body).digest('base64') }),
      },
      ...(body && { body: Buffer.from(body) }),
    });
    const readOf = ({ key, query }: Call): Call => ({
      method: 'GET',
      query,
      ...(key !== undefined && { key }),
      ...(query === 'attributes' && { headers: { 'x-amz-object-attributes': 'ETag,ObjectSize' } }),
    });

    /** Undefined where the store took a read of the sub-resource for one of the bucket or object. */
    async function known(call: Call): Promise<WireReply | undefined> {
      const reply = await direct.send(callOf('twin', readOf(call)));
      const text = reply.body.toString();
      return reply.status === 200 && (text.includes('<ListBucketResult') || text === 'text')
        ? undefined
        : reply;
    }

    async function compare(call: Call): Promise<void> {
      const isKnown = (await known(call)) !== undefined;
      const reply = await through.send(callOf('shop', call));
      if (!isKnown) {
        expect([call, reply.status, reply.code]).toEqual([call, 501, 'NotImplemented']);
        return;
      }
      const same = await direct.send(callOf('twin', call));
      expect([call, reply.status, reply.code]).toEqual([call, same.status, same.code]);
      if (same.status < 300) expect(plain(reply)).toBe(plain(same));
      else if (name === 'versitygw') expect(messageOf(reply)).toBe(messageOf(same));
    }

    it.each(bucketReads)('GET ?%s of a bucket', (query) => compare({ method: 'GET', query }));

    it.each(objectReads)('GET ?%s of an object', async (query) => {
      await compare(readOf({ method: 'GET', key: 'k', query }));
      await compare(readOf({ method: 'GET', key: 'nothing', query }));
    });

    it.each(bucketChanges)('$method ?$query of a bucket', async (call) => {
      await compare(call);
      await compare(readOf(call));
    });

    it.each(objectChanges)('$method ?$query of an object', async (call) => {
      await compare({ ...call, key: 'k' });
      await compare(readOf({ ...call, key: 'k' }));
      await compare({ ...call, key: 'nothing' });
      const reply = await direct.send({ path: '/mounted/k' });
      expect(reply.body.toString()).toBe('text');
    });

    it('shows a change of tags in the headers of a cached object at once', async () => {
      const headOf = () => through.send({ method: 'HEAD', path: '/shop/k' });
      await through.send({ path: '/shop/k' });
      const before = await headOf();
      expect(before.headers['x-cache']).toBe('HIT');
      const put = await through.send(callOf('shop', { ...objectChanges[0]!, key: 'k' }));
      expect(put.status).toBe(200);
      const after = await headOf();
      const told = await direct.send({ method: 'HEAD', path: '/mounted/k' });
      expect(after.headers['x-amz-tagging-count']).toBe(told.headers['x-amz-tagging-count']);
      expect(after.headers.etag).toBe(before.headers.etag);
      await through.send(callOf('shop', { method: 'DELETE', key: 'k', query: 'tagging' }));
      expect((await headOf()).headers).not.toHaveProperty('x-amz-tagging-count');
    });

    it('lets browsers in by the rules of the bucket, as soon as they are set', async () => {
      const origin = 'https://a.example';
      const preflight = () =>
        fetch(`${forebay.endpoint}/shop/k`, {
          method: 'OPTIONS',
          headers: { origin, 'access-control-request-method': 'GET' },
        });
      expect((await preflight()).status).toBe(403);
      const put = await through.send(callOf('shop', { method: 'PUT', query: 'cors', body: corsDocument }));
      if (put.status === 501) return;
      expect(put.status).toBe(200);
      const allowed = await preflight();
      expect(allowed.status).toBe(200);
      expect(allowed.headers.get('access-control-allow-origin')).toBe(origin);
      for (const path of ['/shop/k', '/shop/nothing']) {
        const { headers } = await through.send({ path, headers: { origin } });
        expect(headers).toMatchObject({
          'access-control-allow-origin': origin,
          'access-control-expose-headers': 'ETag',
        });
      }
      const removed = await through.send(callOf('shop', { method: 'DELETE', query: 'cors' }));
      expect(removed.status).toBe(204);
      expect((await preflight()).status).toBe(403);
    });
  });
}

/** What a reply says, without what names one bucket or one moment. */
function plain({ body }: WireReply): string {
  return body
    .toString()
    .replaceAll(/\b(shop|mounted|twin)\b/g, 'BUCKET')
    .replaceAll(/>\s+</g, '><')
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .trim();
}

function messageOf({ body }: WireReply): string | undefined {
  return /<Message>([^<]*)<\/Message>/.exec(body.toString())?.[1];
}

describe('boto3', await needs('versitygw', 'python'), () => {
  it('tags, asks for attributes and versions, and configures a bucket', async () => {
    const server = await startVersitygw();
    await server.createBucket('mounted');
    const { mount, env } = s3Mount('/shop', server, 'mounted');
    const forebay = await startForebay({ mounts: [mount], env });
    try {
      const result = await runPython<Record<string, unknown>>(
        forebay,
        `
        s3.put_object(Bucket='shop', Key='k', Body=b'text', Tagging='a=1')
        head = s3.head_object(Bucket='shop', Key='k')
        tags = [{'Key': 'a', 'Value': '1'}, {'Key': 'b', 'Value': '2'}]
        s3.put_object_tagging(Bucket='shop', Key='k', Tagging={'TagSet': tags})
        attributes = s3.get_object_attributes(Bucket='shop', Key='k', ObjectAttributes=['ObjectSize', 'ETag'])
        s3.put_bucket_tagging(Bucket='shop', Tagging={'TagSet': tags[:1]})
        try: policy = s3.get_bucket_policy(Bucket='shop')
        except ClientError as error: policy = error.response['Error']['Code']
        result = {
          'head': head.get('TagCount'),
          'after': s3.head_object(Bucket='shop', Key='k').get('TagCount'),
          # The store keeps tags in no order.
          'tags': sorted(s3.get_object_tagging(Bucket='shop', Key='k')['TagSet'], key=lambda tag: tag['Key']),
          'size': attributes['ObjectSize'],
          'bucketTags': s3.get_bucket_tagging(Bucket='shop')['TagSet'],
          'policy': policy,
          'versioning': s3.get_bucket_versioning(Bucket='shop').get('Status'),
        }
        `,
      );
      const tags = [
        { Key: 'a', Value: '1' },
        { Key: 'b', Value: '2' },
      ];
      expect(result).toEqual({
        head: 1,
        after: 2,
        tags,
        size: 4,
        bucketTags: tags.slice(0, 1),
        policy: 'NoSuchBucketPolicy',
        versioning: null,
      });
    } finally {
      await forebay.remove();
      await server.stop();
    }
  });

  it('finds the tags and checksums of an object on its copy in another store', async () => {
    const server = await startVersitygw();
    await server.createBucket('mounted');
    const { mount, env } = s3Mount('/shop', server, 'mounted');
    const directory = `/local=file://${tempDir('copies')}`;
    const forebay = await startForebay({ mounts: [mount, directory], env });
    try {
      const result = await runPython<unknown[]>(
        forebay,
        `
        result = []
        s3.put_object(Bucket='shop', Key='a', Body=b'text', Tagging='a=1', ChecksumAlgorithm='SHA1')
        for source, bucket in (('shop/a', 'local'), ('local/a', 'shop')):
          s3.copy_object(Bucket=bucket, Key='a' if bucket == 'local' else 'b', CopySource=source)
        for bucket, key in (('local', 'a'), ('shop', 'b')):
          head = s3.head_object(Bucket=bucket, Key=key, ChecksumMode='ENABLED')
          tags = s3.get_object_tagging(Bucket=bucket, Key=key)['TagSet']
          result.append([tags, head['TagCount'], head['ChecksumSHA1']])
        `,
      );
      const told = [[{ Key: 'a', Value: '1' }], 1, createHash('sha1').update('text').digest('base64')];
      expect(result).toEqual([told, told]);
    } finally {
      await forebay.remove();
      await server.stop();
    }
  });
});

describe('a version of an object', await needs('versitygw'), () => {
  it('has tags of its own, and shows their change at once, also where it had been read before', async () => {
    const server = await startVersitygw({ versioning: true });
    await server.createBucket('mounted');
    const { mount, env } = s3Mount('/shop', server, 'mounted');
    const forebay = await startForebay({ mounts: [mount], env });
    const client = new WireClient(forebay);
    try {
      const document = versioningDocument.replace('Suspended', 'Enabled');
      const configured = await client.send({
        method: 'PUT',
        path: '/shop',
        query: [['versioning', '']],
        body: Buffer.from(document),
      });
      expect(configured.status).toBe(200);
      const first = await client.put('/shop/k', Buffer.from('one'));
      await client.put('/shop/k', Buffer.from('two'));
      const versionId = String(first.headers['x-amz-version-id']);
      const ofVersion = [['versionId', versionId]] as const;
      const countOf = async (query: WireCall['query']) =>
        (await client.send({ method: 'HEAD', path: '/shop/k', ...(query && { query }) })).headers[
          'x-amz-tagging-count'
        ];
      expect((await client.send({ path: '/shop/k', query: ofVersion })).body.toString()).toBe('one');
      expect(await countOf(ofVersion)).toBeUndefined();
      const tagged = await client.send({
        method: 'PUT',
        path: '/shop/k',
        query: [['tagging', ''], ...ofVersion],
        body: Buffer.from(taggingDocument),
      });
      expect(tagged.status).toBe(200);
      expect(await countOf(ofVersion)).toBe('1');
      expect(await countOf(undefined)).toBeUndefined();
      expect((await client.send({ path: '/shop/k' })).body.toString()).toBe('two');
    } finally {
      client.close();
      await forebay.remove();
      await server.stop();
    }
  });
});
