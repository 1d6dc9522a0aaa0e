/** Multipart uploads from stock clients, to a bucket and to directories, across restarts and kills. */
import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CountingProxy, startCountingProxy } from '../support/counting-proxy.ts';
import { type ForebayProcess, s3Mount, startForebay } from '../support/forebay-process.ts';
import { Gate, type RecordedRequest } from '../support/proxy-rules.ts';
import { runPython } from '../support/python.ts';
import { type S3Server, startVersitygw } from '../support/servers.ts';
import { tempDir } from '../support/temp.ts';
import { needs } from '../support/tools.ts';
import { until } from '../support/until.ts';
import { WireClient } from '../support/wire-client.ts';
import { begin, completeCall, putPart } from '../support/wire-multipart.ts';

describe('multipart uploads', await needs('versitygw', 'python'), () => {
  let server: S3Server;
  let proxy: CountingProxy;
  let forebay: ForebayProcess;
  let client: WireClient;

  beforeAll(async () => {
    server = await startVersitygw();
    await server.createBucket('lake');
    proxy = await startCountingProxy({ target: server });
    const { mount: lake, env } = s3Mount('/lake', proxy, 'lake');
    const data = `/data=file://${tempDir('data')}`;
    const nested = `/data/nested=file://${tempDir('nested')}`;
    const old = `/old=file://${tempDir('old')}?abortUploadsAfter=1s`;
    const flags = ['--white-space-interval', '50ms'];
    forebay = await startForebay({ mounts: [lake, data, nested, old], env, flags });
    client = new WireClient(forebay);
  });
  afterAll(async () => {
    client?.close();
    proxy?.clearRules();
    await forebay?.remove();
    await proxy?.stop();
    await server?.stop();
  });

  it.each(['lake', 'data'])('outlive a stop and a kill of the gateway: %s', async (bucket) => {
    const args = { bucket, key: 'dir/outlives é' };
    const begun = await runPython<{ upload: string; etag: string }>(
      forebay,
      `
      of = {'Bucket': args['bucket'], 'Key': args['key']}
      of['UploadId'] = s3.create_multipart_upload(**of, Metadata={'a': 'b'})['UploadId']
      part = s3.upload_part(**of, PartNumber=3, Body=b'1' * 5242880)
      result = {'upload': of['UploadId'], 'etag': part['ETag']}
      `,
      args,
    );
    await forebay.kill9();
    await forebay.restart();
    const ended = await runPython<Record<string, unknown>>(
      forebay,
      `
      of = {'Bucket': args['bucket'], 'Key': args['key'], 'UploadId': args['upload']}
      uploads = s3.list_multipart_uploads(Bucket=args['bucket'], Prefix=args['key'])['Uploads']
      before = s3.list_parts(**of)['Parts']
      last = s3.upload_part(**of, PartNumber=10000, Body=b'2')
      parts = [{'PartNumber': 3, 'ETag': args['etag']},
               {'PartNumber': 10000, 'ETag': last['ETag']}]
      done = s3.complete_multipart_upload(**of, MultipartUpload={'Parts': parts})
      got = s3.get_object(Bucket=args['bucket'], Key=args['key'])
      body = got['Body'].read()
      result = {'uploads': [u['UploadId'] for u in uploads], 'before': [p['PartNumber'] for p in before],
                'size': len(body), 'tail': body[-2:].decode(), 'meta': got['Metadata'],
                'same': done['ETag'] == got['ETag'], 'etag': done['ETag'], 'parts': parts}
      `,
      { ...args, ...begun },
    );
    expect(ended).toMatchObject({
      uploads: [begun.upload],
      before: [3],
      size: 5 * 1024 * 1024 + 1,
      tail: '12',
      meta: { a: 'b' },
      same: true,
    });
    await forebay.restart();
    const again = await runPython(
      forebay,
      `
      of = {'Bucket': args['bucket'], 'Key': args['key'], 'UploadId': args['upload']}
      def complete(parts):
          try:
              return s3.complete_multipart_upload(**of, MultipartUpload={'Parts': parts})['ETag']
          except ClientError as error:
              return error.response['Error']['Code']
      result = [complete(args['parts']), complete(args['parts'][:1])]
      s3.delete_object(Bucket=args['bucket'], Key=args['key'])
      result.append(complete(args['parts']))
      `,
      { ...args, ...begun, parts: ended.parts },
    );
    if (bucket === 'data') expect(again).toEqual([ended.etag, 'NoSuchUpload', 'NoSuchUpload']);
  });

  it('are listed by key over nested mounts, page by page and in groups', async () => {
    const keys = ['a', 'nested/b', 'nested/b', 'nested/deep/c', 'x/1', 'z'];
    const ids: string[] = [];
    for (const key of keys) ids.push(await begin(client, `/data/${key}`));
    const pages = await runPython<{ paged: string[][]; grouped: string[][]; after: string[] }>(
      forebay,
      `
      paginator = s3.get_paginator('list_multipart_uploads')
      pages = paginator.paginate(Bucket='data', PaginationConfig={'PageSize': 1})
      paged = [[u['Key'], u['UploadId']] for page in pages for u in page.get('Uploads', [])]
      whole = s3.list_multipart_uploads(Bucket='data', Delimiter='/')
      grouped = [[u['Key'] for u in whole['Uploads']], [p['Prefix'] for p in whole['CommonPrefixes']]]
      after = s3.list_multipart_uploads(Bucket='data', KeyMarker='nested/b', UploadIdMarker=args['first'])
      result = {'paged': paged, 'grouped': grouped, 'after': [u['UploadId'] for u in after['Uploads']]}
      `,
      { first: ids[1] },
    );
    expect(pages.paged).toEqual(keys.map((key, index) => [key, ids[index]]));
    expect(pages.grouped).toEqual([
      ['a', 'z'],
      ['nested/', 'x/'],
    ]);
    expect(pages.after).toEqual(ids.slice(2));
    for (const [index, key] of keys.entries()) {
      const call = { method: 'DELETE', path: `/data/${key}`, query: [['uploadId', ids[index]!]] as const };
      expect((await client.send(call)).status).toBe(204);
      expect(await client.send(call)).toMatchObject({ status: 404, code: 'NoSuchUpload' });
    }
  });

  it.each([
    ['lake', 'lake'],
    ['lake', 'data'],
    ['data', 'lake'],
    ['data', 'data'],
  ])('take parts from objects, whole and by range: from %s to %s', async (from, to) => {
    const source = randomBytes(6 * 1024 * 1024);
    await client.put(`/${from}/source`, source);
    const result = await runPython(
      forebay,
      `
      of = {'Bucket': args['to'], 'Key': 'copied'}
      of['UploadId'] = s3.create_multipart_upload(**of)['UploadId']
      source = {'Bucket': args['from'], 'Key': 'source'}
      def part(number, **more):
          done = s3.upload_part_copy(**of, PartNumber=number, CopySource=source, **more)
          return {'PartNumber': number, 'ETag': done['CopyPartResult']['ETag']}
      parts = [part(1), part(2, CopySourceRange='bytes=3-1002')]
      try:
          part(3, CopySourceRange='bytes=0-6291456')
      except ClientError as error:
          refused = error.response['Error']['Code']
      s3.complete_multipart_upload(**of, MultipartUpload={'Parts': parts})
      data = s3.get_object(Bucket=args['to'], Key='copied')['Body'].read()
      original = s3.get_object(**source)['Body'].read()
      result = [data == original + original[3:1003], refused]
      `,
      { from, to },
    );
    expect(result).toEqual([true, 'InvalidArgument']);
  });

  it.each(['lake', 'data'])('are completed on a condition: %s', async (bucket) => {
    const result = await runPython(
      forebay,
      `
      of = {'Bucket': args['bucket'], 'Key': 'conditional'}
      def complete(**condition):
          one = {**of, 'UploadId': s3.create_multipart_upload(**of)['UploadId']}
          part = s3.upload_part(**one, PartNumber=1, Body=b'x')
          parts = [{'PartNumber': 1, 'ETag': part['ETag']}]
          try:
              done = s3.complete_multipart_upload(**one, MultipartUpload={'Parts': parts}, **condition)
              return done['ETag']
          except ClientError as error:
              return error.response['Error']['Code']
      first = complete(IfNoneMatch='*')
      result = [complete(IfNoneMatch='*'), complete(IfMatch=first) == first, complete(IfMatch='"0"')]
      `,
      { bucket },
    );
    expect(result).toEqual(['PreconditionFailed', true, 'PreconditionFailed']);
  });

  describe('whose bucket is slow to complete them', () => {
    const isComplete = ({ method, query }: RecordedRequest) =>
      method === 'POST' && query.includes('uploadId=');

    /** boto3 completes, and gives the ETag or the error's code. */
    function completing(): Promise<string> {
      return runPython<string>(
        forebay,
        `
        of = {'Bucket': 'lake', 'Key': 'slow'}
        of['UploadId'] = s3.create_multipart_upload(**of)['UploadId']
        part = s3.upload_part(**of, PartNumber=1, Body=b'x')
        parts = [{'PartNumber': 1, 'ETag': part['ETag']}]
        try:
            result = s3.complete_multipart_upload(**of, MultipartUpload={'Parts': parts})['ETag']
        except ClientError as error:
            result = error.response['Error']['Code']
        `,
      );
    }

    /** Another one of the same gate: where its head is here, that of one that came before has gone out. */
    async function headOfAnother(): Promise<IncomingMessage> {
      const uploadId = await begin(client, '/lake/other');
      const etag = await putPart(client, { path: '/lake/other', uploadId, partNumber: 1 }, Buffer.from('x'));
      return client.start(completeCall('/lake/other', uploadId, new Map([[1, etag]])));
    }

    it('are answered with white space, then with what became of them', async () => {
      const gate = proxy.hold(isComplete);
      const done = completing();
      await gate.arrived();
      const other = await headOfAnother();
      expect(other.statusCode).toBe(200);
      gate.release();
      expect(await done).toMatch(/^"[0-9a-f]{32}-1"$/);
      let text = '';
      for await (const piece of other) text += String(piece);
      expect(text).toMatch(/^<\?xml [^>]*\?>\n +<CompleteMultipartUploadResult/);
      proxy.clearRules();
    });

    it('raise what the bucket refused late', async () => {
      const gate = new Gate();
      proxy.rule({ match: isComplete, hold: gate, answer: { status: 403, code: 'AccessDenied' } });
      const done = completing();
      await gate.arrived();
      const other = await headOfAnother();
      gate.release();
      expect(await done).toBe('AccessDenied');
      other.resume();
      proxy.clearRules();
    });
  });

  it('are aborted where nobody touched them for the time that their mount gives', async () => {
    await begin(client, '/old/abandoned');
    await begin(client, '/data/kept');
    const uploadsOf = async (bucket: string) => {
      const { body } = await client.send({ path: `/${bucket}`, query: [['uploads', '']] });
      return [...body.toString().matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key]) => key);
    };
    await until('the upload is gone', async () => {
      await forebay.restart();
      return forebay.log().includes('an abandoned multipart upload was aborted');
    });
    expect(await uploadsOf('old')).toEqual([]);
    expect(await uploadsOf('data')).toContain('kept');
  });
});
