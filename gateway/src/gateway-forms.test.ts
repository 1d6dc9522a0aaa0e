import { createHash } from 'node:crypto';
import { KiB, MiB } from '@forebay/core/bytes';
import { ForebayError, UfsAnswerError } from '@forebay/core/errors';
import { parsePolicy } from '@forebay/core/policy/policy';
import { User } from '@forebay/core/user';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createChecksum } from './s3/payload/checksums.ts';
import { RawClient, signedHead } from './testing/raw-client.ts';
import { startTestGateway, type TestGateway } from './testing/test-gateway.ts';
import { testMount } from './testing/test-mount.ts';
import { formBody, formType, signedFields, signedFieldsV2, uploadForm } from './testing/upload-form.ts';

const mount = testMount({ bucket: 'lake' });
const writer = new User({
  name: 'writer',
  accessKey: 'KEY-writer',
  secretKey: 'a-users-secret-key',
  policies: [parsePolicy(writerPolicy(), 'writer')],
  createdAtMs: 0,
});
let gateway: TestGateway;
let strict: TestGateway;

beforeAll(async () => {
  const mounts = [mount, testMount({ bucket: 'archive', readOnly: true })];
  gateway = await startTestGateway(mounts, { users: [writer] });
  const settings = { sigv2: 'off', formMemoryBytesMax: 1 * MiB, domains: ['s3.test'] } as const;
  strict = await startTestGateway(mounts, { settings });
});
afterAll(async () => {
  await gateway.close();
  await strict.close();
});

function writerPolicy(): string {
  const Statement = { Effect: 'Allow', Action: 's3:PutObject', Resource: 'arn:aws:s3:::lake/tmp/*' };
  return JSON.stringify({ Version: '2012-10-17', Statement });
}

async function post(
  body: Uint8Array,
  options: { at?: TestGateway; path?: string; headers?: Record<string, string> } = {},
) {
  const { at = gateway, path = '/lake', headers } = options;
  const answer = await fetch(`${at.endpoint}${path}`, {
    method: 'POST',
    redirect: 'manual',
    body,
    headers: { 'content-type': formType, ...headers },
  });
  const text = await answer.text();
  return {
    status: answer.status,
    headers: Object.fromEntries(answer.headers),
    text,
    code: /<Code>(.*)<\/Code>/.exec(text)?.[1],
    message: /<Message>(.*)<\/Message>/.exec(text)?.[1]?.replaceAll('&quot;', '"'),
  };
}

async function stored(key: string) {
  const { info, body } = await gateway.ufsOf(mount).get(key);
  const pieces: Uint8Array[] = [];
  for await (const piece of body) pieces.push(piece);
  return { headers: Object.fromEntries(info.headers), bytes: Buffer.concat(pieces), etag: info.etag };
}

const absent = async (key: string) => expect(gateway.ufsOf(mount).head(key)).rejects.toThrow('NoSuchKey');
const md5 = (bytes: string | Uint8Array) => createHash('md5').update(bytes).digest('hex');

describe('an upload form', () => {
  it('stores its file under its key, with what its fields say, behind a fence', async () => {
    const fields = {
      key: 'user/été/a b.txt',
      'Content-Type': 'text/plain',
      'x-amz-meta-name': 'Größe',
      'Cache-Control': 'no-cache',
      'x-ignore-button': 'Upload',
      tagging: '<Tagging><TagSet><Tag><Key>a</Key><Value>b c</Value></Tag></TagSet></Tagging>',
    };
    const answer = await post(uploadForm(signedFields('lake', fields), 'hello'));
    expect(answer).toMatchObject({ status: 204, text: '' });
    expect(answer.headers).toMatchObject({
      etag: `"${md5('hello')}"`,
      location: `${gateway.endpoint}/lake/user/%C3%A9t%C3%A9/a%20b.txt`,
    });
    const object = await stored('user/été/a b.txt');
    expect(object.bytes.toString()).toBe('hello');
    expect(object.headers).toMatchObject({
      'content-type': 'text/plain',
      'cache-control': 'no-cache',
      'x-amz-meta-name': Buffer.from('Größe').toString('latin1'),
      'x-amz-tagging-count': '1',
    });
    expect(gateway.home.fences.at(-1)).toMatchObject({ event: 'end', keys: ['user/été/a b.txt'] });
  });

  it('names its object after its file, without the path that the client put before it', async () => {
    const fields = signedFields(
      'lake',
      { key: `up/\${filename}` },
      { conditions: [{ bucket: 'lake' }, ['starts-with', '$key', 'up/']] },
    );
    for (const [fileName, key] of [
      ['photo.jpg', 'up/photo.jpg'],
      ['C:\\My Files\\photo 2.jpg', 'up/photo 2.jpg'],
      ['/dir/me/photo$&3.jpg', 'up/photo$&3.jpg'],
      ['a%22b.jpg', 'up/a"b.jpg'],
    ] as const) {
      expect((await post(uploadForm(fields, 'x', fileName))).status).toBe(204);
      expect((await stored(key)).bytes.toString()).toBe('x');
    }
  });

  it('is signed with version 2 as well, unless that is off', async () => {
    const form = uploadForm(signedFieldsV2('lake', { key: 'v2' }), 'hello');
    expect((await post(form)).status).toBe(204);
    expect(await post(form, { at: strict })).toMatchObject({ status: 400, code: 'InvalidRequest' });
    const forged = uploadForm({ ...signedFieldsV2('lake', { key: 'v2' }), signature: 'AAAA' }, 'x');
    expect(await post(forged)).toMatchObject({ status: 403, code: 'SignatureDoesNotMatch' });
  });

  it('is answered as it asks to be', async () => {
    const etag = `"${md5('hello')}"`;
    const send = (fields: Record<string, string>) =>
      post(uploadForm(signedFields('lake', { key: 'k', ...fields }), 'hello'));
    expect(await send({ success_action_status: '200' })).toMatchObject({ status: 200, text: '' });
    expect(await send({ success_action_status: '404' })).toMatchObject({ status: 204, text: '' });
    const document = await send({ success_action_status: '201' });
    expect(document.status).toBe(201);
    expect(document.text).toContain(
      `<Location>${gateway.endpoint}/lake/k</Location><Bucket>lake</Bucket><Key>k</Key>` +
        `<ETag>&quot;${md5('hello')}&quot;</ETag></PostResponse>`,
    );
    const redirect = await send({ success_action_redirect: 'http://done.example/page?a=1' });
    expect(redirect.status).toBe(303);
    const url = new URL(redirect.headers.location!);
    expect(url.href).toMatch(/^http:\/\/done\.example\/page\?a=1&bucket=lake&key=k&etag=%22/);
    expect(url.searchParams.get('etag')).toBe(etag);
    expect((await send({ success_action_redirect: 'not a url' })).status).toBe(204);
    expect((await send({ success_action_redirect: 'javascript:alert(1)' })).status).toBe(204);
  });

  it('may go on after its file, with what does not count', async () => {
    const fields = Object.entries(signedFields('lake', { key: 'buttons' }));
    const body = formBody([...fields, ['file', 'hello', 'f'], ['submit', 'Upload to S3'], ['x', '']]);
    expect((await post(body)).status).toBe(204);
    expect((await stored('buttons')).bytes.toString()).toBe('hello');
    expect((await post(formBody([...fields, ['file', 'bye', 'f']], '--'))).status).toBe(204);
    expect((await stored('buttons')).bytes.toString()).toBe('bye');
  });

  it('of any size arrives byte by byte as it was, small or in parts', async () => {
    const ufs = gateway.ufsOf(mount);
    for (const sizeBytes of [0, 1, 5 * MiB - 1, 5 * MiB, 5 * MiB + 1, 11 * MiB + 7]) {
      ufs.resetCounts();
      // Full of what a delimiter begins with.
      const file = Buffer.alloc(sizeBytes, '\r\n--x\r\n\r\n----forebay-form-boundar\n-');
      const form = uploadForm(signedFields('lake', { key: 'large', 'x-amz-meta-a': '1' }), file);
      const answer = await post(form);
      expect(answer.status).toBe(204);
      const object = await stored('large');
      expect(object.bytes.equals(file)).toBe(true);
      expect(object.headers['x-amz-meta-a']).toBe('1');
      expect(answer.headers.etag).toBe(object.etag);
      expect(ufs.countOf('put')).toBe(sizeBytes <= 5 * MiB ? 1 : 0);
      expect(ufs.countOf('uploadPart')).toBe(sizeBytes <= 5 * MiB ? 0 : Math.ceil(sizeBytes / (5 * MiB)));
    }
  });

  it('leaves nothing behind where it fails in the middle of its parts', async () => {
    const ufs = gateway.ufsOf(mount);
    const file = Buffer.alloc(12 * MiB);
    const md5Wrong = { key: 'parts', 'Content-MD5': 'AAAAAAAAAAAAAAAAAAAAAA==' };
    expect(await post(uploadForm(signedFields('lake', md5Wrong), file))).toMatchObject({ code: 'BadDigest' });
    ufs.failNext(1, { methods: ['completeUpload'] });
    const failed = await post(uploadForm(signedFields('lake', { key: 'parts' }), file));
    expect(failed.status).toBe(503);
    await absent('parts');
    expect((await ufs.listUploads({ prefix: '', maxUploads: 10 })).uploads).toEqual([]);
    expect(gateway.home.fences.at(-1)).toMatchObject({ event: 'end', keys: ['parts'] });
  });

  it('leaves its parts alone only where they may have become the object', async () => {
    const ufs = gateway.ufsOf(mount);
    const error = () => new ForebayError('state-unknown', 'no answer came');
    const form = uploadForm(signedFields('lake', { key: 'parts' }), Buffer.alloc(6 * MiB));
    const uploads = async () => (await ufs.listUploads({ prefix: '', maxUploads: 10 })).uploads;
    ufs.failNext(1, { methods: ['uploadPart'], error });
    expect(await post(form)).toMatchObject({ status: 500, code: 'InternalError' });
    expect(await uploads()).toEqual([]);
    ufs.failNext(1, { methods: ['completeUpload'], error });
    expect(await post(form)).toMatchObject({ status: 500, code: 'InternalError' });
    const [left, ...others] = await uploads();
    expect(others).toEqual([]);
    await ufs.abortUpload('parts', left!.uploadId);
  });

  it('keeps its checksums, and is refused where they are wrong', async () => {
    const send = (crc: string) =>
      post(uploadForm(signedFields('lake', { key: 'sums', 'x-amz-checksum-crc32': crc }), 'hello'));
    expect(await send('AAAAAA==')).toMatchObject({ status: 400, code: 'BadDigest' });
    await absent('sums');
    expect((await send('NhCmhg==')).status).toBe(204);
  });

  describe('in parts', () => {
    const file = Buffer.alloc(5 * MiB + 3, 'abc');
    const crc = createChecksum('crc32');
    crc.update(file);
    const sums = {
      'x-amz-checksum-crc32': crc.digestBase64(),
      'x-amz-checksum-sha256': createHash('sha256').update(file).digest('base64'),
    };
    const send = (key: string, name: keyof typeof sums, value: string = sums[name]) =>
      post(uploadForm(signedFields('lake', { key, [name]: value }), file));

    it('has its CRC kept as that of the whole object', async () => {
      expect((await send('whole', 'x-amz-checksum-crc32')).status).toBe(204);
      expect((await stored('whole')).headers).toMatchObject({
        'x-amz-checksum-crc32': sums['x-amz-checksum-crc32'],
        'x-amz-checksum-type': 'FULL_OBJECT',
      });
      const wrong = await send('wrong', 'x-amz-checksum-crc32', 'AAAAAA==');
      expect(wrong).toMatchObject({ status: 400, code: 'BadDigest' });
      await absent('wrong');
    });

    it('has a hash verified, which no store can keep of a whole', async () => {
      expect((await send('hashed', 'x-amz-checksum-sha256')).status).toBe(204);
      expect((await stored('hashed')).headers).not.toHaveProperty('x-amz-checksum-sha256');
      const other = createHash('sha256').update('other').digest('base64');
      expect(await send('wrong', 'x-amz-checksum-sha256', other)).toMatchObject({ code: 'BadDigest' });
      await absent('wrong');
    });

    it('is stored without its CRC where the store keeps none of a whole', async () => {
      const refusal = { status: 501, code: 'NotImplemented', message: 'No such checksums.' };
      const error = () => new UfsAnswerError(refusal);
      gateway.ufsOf(mount).failNext(1, { methods: ['createUpload'], error });
      expect((await send('bare', 'x-amz-checksum-crc32')).status).toBe(204);
      const { bytes, headers } = await stored('bare');
      expect(bytes.equals(file)).toBe(true);
      expect(headers).not.toHaveProperty('x-amz-checksum-crc32');
    });
  });

  it('may be sent to the bucket as a host name, and is told of there', async () => {
    const raw = await RawClient.open(strict.port);
    const body = uploadForm(signedFields('lake', { key: 'a/b' }), 'hello');
    const lines = [`Content-Type: ${formType}`, `Content-Length: ${body.length}`];
    raw.send(`POST / HTTP/1.1\r\nHost: lake.s3.test:9000\r\n${lines.join('\r\n')}\r\n\r\n`);
    raw.send(body);
    const answer = await raw.answer();
    expect(answer.status).toBe(204);
    expect(answer.headers.location).toBe('http://lake.s3.test:9000/a/b');
    raw.close();
  });

  it('waits for 100 Continue, and leaves the connection to the next request', async () => {
    const raw = await RawClient.open(gateway.port);
    const body = uploadForm(signedFields('lake', { key: 'asked' }), 'hello');
    const head = `POST /lake HTTP/1.1\r\nHost: localhost\r\nContent-Type: ${formType}\r\n`;
    raw.send(`${head}Expect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`);
    expect((await raw.answer()).status).toBe(100);
    for (const byte of body) raw.send(Uint8Array.of(byte));
    expect((await raw.answer()).status).toBe(204);
    raw.send(signedHead({ method: 'GET', target: '/lake/asked' }));
    expect((await raw.answer()).body).toBe('hello');
    raw.close();
  });
});

describe('an upload form is refused', () => {
  const fields = () => signedFields('lake', { key: 'no' });
  const without = (name: string) => {
    const { [name]: _, ...others } = fields();
    return others;
  };

  type Row = [what: string, form: () => Uint8Array, status: number, code: string, message: RegExp];
  it.each<Row>([
    ['without a policy', () => uploadForm({ key: 'no' }, 'x'), 403, 'AccessDenied', /^Access Denied$/],
    [
      'without its signature',
      () => uploadForm(without('x-amz-signature'), 'x'),
      400,
      'InvalidArgument',
      /^Bucket POST must contain a field named 'X-Amz-Signature'/,
    ],
    ['without its key', () => uploadForm(signedFields('lake', {}), 'x'), 400, 'InvalidArgument', /'key'/],
    [
      'with an empty key',
      () => uploadForm(signedFields('lake', { key: '' }), 'x'),
      400,
      'InvalidArgument',
      /length greater than 0/,
    ],
    [
      'with a long key',
      () => uploadForm(signedFields('lake', { key: 'k'.repeat(1025) }), 'x'),
      400,
      'KeyTooLongError',
      /too long/,
    ],
    [
      'signed by a stranger',
      () =>
        uploadForm(
          signedFields('lake', { key: 'no' }, { signer: { accessKey: 'STRANGER', secretKey: 's' } }),
          'x',
        ),
      403,
      'InvalidAccessKeyId',
      /does not exist/,
    ],
    [
      'with another policy than was signed',
      () => uploadForm({ ...fields(), policy: signedFields('lake', { key: 'other' }).policy! }, 'x'),
      403,
      'SignatureDoesNotMatch',
      /does not match/,
    ],
    [
      'after its policy expired',
      () => uploadForm(signedFields('lake', { key: 'no' }, { expiration: '2020-01-01T00:00:00Z' }), 'x'),
      403,
      'AccessDenied',
      /^Invalid according to Policy: Policy expired\.$/,
    ],
    [
      'with a field that its policy does not know',
      () => uploadForm({ ...fields(), acl: 'public-read', 'x-amz-meta-a': '1' }, 'x'),
      403,
      'AccessDenied',
      /^Invalid according to Policy: Extra input fields: acl, x-amz-meta-a$/,
    ],
    [
      'for another bucket',
      () => uploadForm(signedFields('lakes', { key: 'no' }), 'x'),
      403,
      'AccessDenied',
      /^Invalid according to Policy: Policy Condition failed: \["eq", "\$bucket", "lakes"\]$/,
    ],
    [
      'with a session token',
      () => uploadForm(signedFields('lake', { key: 'no', 'x-amz-security-token': 't' }), 'x'),
      400,
      'InvalidToken',
      /token/,
    ],
    [
      'with a copy source',
      () => uploadForm(signedFields('lake', { key: 'no', 'x-amz-copy-source': '/lake/k' }), 'x'),
      400,
      'InvalidArgument',
      /copy source/,
    ],
    [
      'with a field twice',
      () => formBody([...Object.entries(fields()), ['KEY', 'no'], ['file', 'x', 'f']]),
      400,
      'MalformedPOSTRequest',
      /well-formed/,
    ],
    [
      'without a file',
      () => formBody(Object.entries(fields())),
      400,
      'InvalidArgument',
      /^POST requires exactly one file/,
    ],
    [
      'with two files',
      () => formBody([...Object.entries(fields()), ['file', 'a', 'a'], ['file', 'b', 'b']]),
      400,
      'InvalidArgument',
      /^POST requires exactly one file/,
    ],
    [
      'with more than 20 KB beside its file',
      () => uploadForm(signedFields('lake', { key: 'no', 'x-ignore-a': 'a'.repeat(20 * KiB) }), 'x'),
      400,
      'MaxPostPreDataLengthExceededError',
      /too large/,
    ],
    [
      'with no end',
      () => uploadForm(fields(), 'x').subarray(0, -8),
      400,
      'MalformedPOSTRequest',
      /well-formed/,
    ],
    ['that is none', () => Buffer.from('hello'), 400, 'MalformedPOSTRequest', /well-formed/],
  ])('%s', async (...row) => {
    const [, form, status, code, message] = row;
    const answer = await post(form());
    expect(answer.status).toBe(status);
    expect(answer.code).toBe(code);
    expect(answer.message).toMatch(message);
    await absent('no');
  });

  it('where its file has not the size that the policy allows', async () => {
    const send = (file: string) =>
      post(
        uploadForm(
          signedFields(
            'lake',
            { key: 'no' },
            { conditions: [{ bucket: 'lake' }, { key: 'no' }, ['content-length-range', 2, 4]] },
          ),
          file,
        ),
      );
    expect(await send('1')).toMatchObject({ status: 400, code: 'EntityTooSmall' });
    const tooLarge = await send('12345');
    expect(tooLarge).toMatchObject({ status: 400, code: 'EntityTooLarge' });
    expect(tooLarge.text).toContain('<ProposedSize>5</ProposedSize><MaxSizeAllowed>4</MaxSizeAllowed>');
    await absent('no');
    for (const file of ['12', '1234']) expect((await send(file)).status).toBe(204);
  });

  it('where nobody may write', async () => {
    const form = (bucket: string) => uploadForm(signedFields(bucket, { key: 'no' }), 'x');
    expect(await post(form('archive'), { path: '/archive' })).toMatchObject({ code: 'AccessDenied' });
    expect(await post(form('nowhere'), { path: '/nowhere' })).toMatchObject({ code: 'NoSuchBucket' });
  });

  it('where its signer may not write its key, in whose name it is', async () => {
    const form = (key: string) => {
      const fields = signedFields('lake', { key }, { signer: writer });
      return uploadForm(fields, 'x', '../no');
    };
    expect((await post(form('tmp/a'))).status).toBe(204);
    for (const key of ['private', 'tmp', `${'$'}{filename}`]) {
      expect(await post(form(key))).toMatchObject({ status: 403, code: 'AccessDenied' });
    }
    await absent('private');
  });

  it('where the request says a second time who sends it', async () => {
    const form = uploadForm(fields(), 'x');
    const headers = { authorization: 'AWS4-HMAC-SHA256 Credential=x' };
    expect(await post(form, { headers })).toMatchObject({ code: 'InvalidArgument' });
  });

  it('where forms hold all the memory they may have, and the client may try again', async () => {
    const answer = await post(uploadForm(fields(), Buffer.alloc(2 * MiB)), { at: strict });
    expect(answer).toMatchObject({ status: 503, code: 'SlowDown' });
    expect((await post(uploadForm(fields(), 'x'), { at: strict })).status).toBe(204);
  });

  it('where its client leaves in the middle, and its memory is free again', async () => {
    const body = uploadForm(fields(), Buffer.alloc(900 * KiB));
    const head = `POST /lake HTTP/1.1\r\nHost: h\r\nContent-Type: ${formType}\r\n`;
    for (let round = 0; round < 3; round += 1) {
      const raw = await RawClient.open(strict.port);
      raw.send(`${head}Content-Length: ${body.length}\r\n\r\n`);
      raw.send(body.subarray(0, -100));
      raw.socket.end();
      expect((await raw.answer()).body).toContain('<Code>IncompleteBody</Code>');
      raw.close();
      await strict.whenIdle();
    }
    expect((await post(body, { at: strict })).status).toBe(204);
  });

  it('without a length, and without a form', async () => {
    const raw = await RawClient.open(gateway.port);
    raw.send(
      `POST /lake HTTP/1.1\r\nHost: h\r\nContent-Type: ${formType}\r\nTransfer-Encoding: chunked\r\n\r\n`,
    );
    expect((await raw.answer()).status).toBe(411);
    raw.close();
    const signed = await RawClient.open(gateway.port);
    signed.send(signedHead({ method: 'POST', target: '/lake', headers: { 'content-length': '0' } }));
    const answer = await signed.answer();
    expect(answer.status).toBe(412);
    expect(answer.body).toContain('enclosure-type multipart/form-data');
    signed.close();
  });
});
