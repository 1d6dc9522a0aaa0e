/**
 * Upload forms as boto3 and the SDK for JavaScript make them, sent the way their users send them: urllib3,
 * curl, and the encoder of browsers; the bucket is one of a real S3 server, which is asked for what it got.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { S3Client } from '@aws-sdk/client-s3';
import { createPresignedPost } from '@aws-sdk/s3-presigned-post';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contentOf, differenceOf, mebibyte } from '../support/content.ts';
import { type ForebayProcess, s3Mount, startForebay } from '../support/forebay-process.ts';
import { mustRun } from '../support/process.ts';
import { runPython } from '../support/python.ts';
import { type S3Server, startVersitygw } from '../support/servers.ts';
import { tempDir } from '../support/temp.ts';
import { needs } from '../support/tools.ts';
import { WireClient } from '../support/wire-client.ts';

interface PresignedPost {
  readonly url: string;
  readonly fields: Readonly<Record<string, string>>;
}

describe('upload forms', await needs('versitygw', 'python'), () => {
  const home = tempDir('forms');
  let server: S3Server;
  let forebay: ForebayProcess;
  let direct: WireClient;

  beforeAll(async () => {
    server = await startVersitygw();
    await server.createBucket('lake');
    const { mount, env } = s3Mount('/lake', server, 'lake');
    forebay = await startForebay({ mounts: [mount], env });
    direct = new WireClient(server);
  });
  afterAll(async () => {
    direct?.close();
    await forebay?.remove();
    await server?.stop();
  });

  /** `signature`: `s3v4`, or `s3`, which is version 2. */
  const presigned = (args: {
    key: string;
    signature?: string;
    fields?: Record<string, string>;
    conditions?: unknown[];
  }) =>
    runPython<PresignedPost>(
      forebay,
      `
      made = boto3.client('s3', config=Config(signature_version=args.get('signature', 's3v4'),
                                              s3={'addressing_style': 'path'}))
      result = made.generate_presigned_post('lake', args['key'], Fields=args.get('fields'),
                                            Conditions=args.get('conditions'))
      `,
      args,
    );

  async function expectStored(key: string, content: Buffer): Promise<Record<string, unknown>> {
    const reply = await direct.send({ path: `/lake/${key}` });
    expect(reply.status).toBe(200);
    expect(differenceOf(reply.body, content)).toBeUndefined();
    return reply.headers;
  }

  it.each(['s3v4', 's3'])('that boto3 signs with %s arrive through urllib3', async (signature) => {
    const content = contentOf(1, 100_000);
    writeFileSync(join(home, 'up'), content);
    const status = await runPython<number>(
      forebay,
      `
      import urllib3
      made = boto3.client('s3', config=Config(signature_version=args['signature'],
                                              s3={'addressing_style': 'path'}))
      extra = {'Content-Type': 'image/png', 'x-amz-meta-a': 'b', 'success_action_status': '201'}
      post = made.generate_presigned_post('lake', 'été/\${filename}', Fields=dict(extra),
          Conditions=[{name: value} for name, value in extra.items()] + [['content-length-range', 1, 200000]])
      form = dict(post['fields'], file=('up.png', open(args['file'], 'rb').read()))
      result = urllib3.PoolManager().request('POST', post['url'], fields=form).status
      `,
      { signature, file: join(home, 'up') },
    );
    expect(status).toBe(201);
    const headers = await expectStored('été/up.png', content);
    expect(headers).toMatchObject({ 'content-type': 'image/png', 'x-amz-meta-a': 'b' });
  });

  it('arrive through curl, small ones and those that ask before they send', async () => {
    for (const sizeBytes of [0, 1, 5 * mebibyte, 5 * mebibyte + 1, 20 * mebibyte]) {
      const content = contentOf(2, sizeBytes);
      writeFileSync(join(home, 'curl'), content);
      const { url, fields } = await presigned({ key: `curl-${sizeBytes}` });
      const given = Object.entries(fields).flatMap(([name, value]) => ['--form-string', `${name}=${value}`]);
      const file = ['-F', `file=@${join(home, 'curl')}`, '--form-string', 'submit=Upload to Amazon S3'];
      const shown = await mustRun('curl', ['-sS', '-w', '%{http_code}', ...given, ...file, url]);
      expect(shown).toBe('204');
      await expectStored(`curl-${sizeBytes}`, content);
    }
    const uploads = await direct.send({ path: '/lake', query: [['uploads', '']] });
    expect(uploads.body.toString()).not.toContain('<Upload>');
  });

  it('arrive as browsers encode them, and are refused with what their policy says', async () => {
    const content = contentOf(3, 1000);
    const { url, fields } = await presigned({
      key: 'browser',
      conditions: [['content-length-range', 0, 1000]],
    });
    const send = (file: Buffer, more: Record<string, string> = {}) => {
      const form = new FormData();
      for (const [name, value] of Object.entries({ ...fields, ...more })) form.append(name, value);
      form.append('file', new Blob([new Uint8Array(file)]), 'a "name" ü.bin');
      return fetch(url, { method: 'POST', body: form });
    };
    expect((await send(content)).status).toBe(204);
    await expectStored('browser', content);
    const large = await send(contentOf(4, 1001));
    expect([large.status, await large.text()]).toEqual([400, expect.stringContaining('EntityTooLarge')]);
    const extra = await send(content, { acl: 'public-read' });
    expect(await extra.text()).toContain('Invalid according to Policy: Extra input fields: acl');
    await expectStored('browser', content);
  });

  it('that the SDK for JavaScript signs arrive, and the store keeps the CRC that they bring', async () => {
    const s3 = new S3Client({
      endpoint: forebay.endpoint,
      region: 'us-east-1',
      forcePathStyle: true,
      credentials: { accessKeyId: forebay.accessKey, secretAccessKey: forebay.secretKey },
    });
    for (const sizeBytes of [1000, 5 * mebibyte + 1, 11 * mebibyte]) {
      const content = contentOf(5, sizeBytes);
      const sum = Buffer.alloc(4);
      sum.writeUInt32BE(crc32(content));
      const { url, fields } = await createPresignedPost(s3, {
        Bucket: 'lake',
        Key: `js/\${filename}`,
        Conditions: [
          ['starts-with', '$key', 'js/'],
          ['content-length-range', 0, sizeBytes],
        ],
        Fields: { 'Content-Type': 'image/png', 'x-amz-checksum-crc32': sum.toString('base64') },
      });
      const form = new FormData();
      for (const [name, value] of Object.entries(fields)) form.append(name, value);
      form.append('file', new Blob([new Uint8Array(content)]), `${sizeBytes}.png`);
      expect((await fetch(url, { method: 'POST', body: form })).status).toBe(204);
      await expectStored(`js/${sizeBytes}.png`, content);
      const headers = { 'x-amz-checksum-mode': 'ENABLED' };
      const head = await direct.send({ method: 'HEAD', path: `/lake/js/${sizeBytes}.png`, headers });
      expect(head.headers).toMatchObject({
        'content-type': 'image/png',
        'x-amz-checksum-crc32': sum.toString('base64'),
        'x-amz-checksum-type': 'FULL_OBJECT',
      });
    }
    s3.destroy();
  });
});
