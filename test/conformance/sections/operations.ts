/** Every operation on objects and buckets, each once in its plainest form. */
import { forebay, type Section, ufs } from '../check.ts';
import { md5Of } from '../digests.ts';
import { complete, createUpload, partList, uploadPart } from '../multipart.ts';
import { postForm } from '../post-form.ts';
import type { Target } from '../target.ts';
import { deleteMany } from './writes.ts';

export const objectOperations: Section = {
  title: 'Operations on objects',
  checks: [
    forebay('GetObject', 'an object is read', async (t) => {
      await t.put('k', 'bytes');
      t.is(await t.object('GET', 'k'), { is: 200, body: 'bytes' });
    }),
    forebay('HeadObject', 'its head is read', async (t) => {
      await t.put('k', 'bytes');
      t.is(await t.object('HEAD', 'k'), { is: 200, body: '', headers: { 'content-length': '5' } });
    }),
    forebay('PutObject', 'an object is stored', async (t) => {
      t.is(await t.put('k', 'bytes'), { is: 200, headers: { etag: /^"/ } });
    }),
    ufs('CopyObject', 'an object is copied', async (t) => {
      await t.put('k', 'bytes');
      t.is(await t.object('PUT', 'copy', { headers: { 'x-amz-copy-source': t.path('k') } }), 200);
      t.is(await t.object('GET', 'copy'), { is: 200, body: 'bytes' });
    }),
    forebay('DeleteObject', 'an object is deleted', async (t) => {
      await t.put('k');
      t.is(await t.object('DELETE', 'k'), 204);
      t.is(await t.object('HEAD', 'k'), 404);
    }),
    forebay('DeleteObjects', 'many objects are deleted', async (t) => {
      await t.put('a');
      await t.put('b');
      const objects = ['a', 'b'].map((name) => `<Object><Key>${t.key(name)}</Key></Object>`).join('');
      t.is(await deleteMany(t, `<Delete>${objects}</Delete>`), { is: 200, body: /<Deleted>/ });
      t.is(await t.object('HEAD', 'a'), 404);
    }),
    forebay('PostObject', 'a form stores its file', async (t) => {
      t.is(await postForm(t, { key: t.key('k'), conditions: [['eq', '$key', t.key('k')]] }), 204);
      t.is(await t.object('GET', 'k'), { is: 200, body: 'of the form' });
    }),
    ufs('CreateMultipartUpload', 'an upload is begun', async (t) => {
      await createUpload(t, 'k');
    }),
    ufs('UploadPart', 'a part is sent', async (t) => {
      const id = await createUpload(t, 'k');
      t.same('tag', /^"/.test((await uploadPart(t, 'k', { id, number: 1, body: 'x' })).etag), true);
    }),
    ufs('UploadPartCopy', 'a part is copied from an object', async (t) => {
      await t.put('source', '0123456789');
      const id = await createUpload(t, 'k');
      const headers = { 'x-amz-copy-source': t.path('source'), 'x-amz-copy-source-range': 'bytes=2-5' };
      const reply = t.is(await t.object('PUT', 'k', { query: `partNumber=1&uploadId=${id}`, headers }), {
        is: 200,
        body: /<CopyPartResult/,
      });
      const etag = /<ETag>([^<]+)</.exec(reply.body.toString())![1]!;
      t.is(await complete(t, 'k', id, partList([{ number: 1, etag }])), 200);
      t.is(await t.object('GET', 'k'), { is: 200, body: '2345' });
    }),
    ufs('CompleteMultipartUpload', 'an upload becomes an object', async (t) => {
      const id = await createUpload(t, 'k');
      const part = await uploadPart(t, 'k', { id, number: 1, body: 'bytes' });
      t.is(await complete(t, 'k', id, partList([part])), 200);
      t.is(await t.object('GET', 'k'), { is: 200, body: 'bytes' });
    }),
    ufs('AbortMultipartUpload', 'an upload is given up', async (t) => {
      const id = await createUpload(t, 'k');
      t.is(await t.object('DELETE', 'k', { query: `uploadId=${id}` }), 204);
      t.is(await t.object('GET', 'k', { query: `uploadId=${id}` }), '404 NoSuchUpload');
    }),
    ufs('ListParts', 'parts of an upload are listed', async (t) => {
      const id = await createUpload(t, 'k');
      await uploadPart(t, 'k', { id, number: 2, body: 'x' });
      t.is(await t.object('GET', 'k', { query: `uploadId=${id}` }), {
        is: 200,
        body: [/<ListPartsResult/, /<PartNumber>2</],
      });
    }),
    ufs('GetObjectAcl', 'the access list of an object is read', async (t) => {
      await t.put('k');
      t.is(await t.object('GET', 'k', { query: 'acl' }), {
        is: 200,
        body: [/<AccessControlPolicy/, /FULL_CONTROL/],
      });
    }),
    ufs('PutObjectAcl', 'the access list of an object is set', async (t) => {
      await t.put('k');
      t.is(await t.object('PUT', 'k', { query: 'acl', headers: { 'x-amz-acl': 'private' } }), 200);
    }),
    ufs('GetObjectAttributes', 'attributes of an object are read', async (t) => {
      await t.put('k', 'hello');
      const headers = { 'x-amz-object-attributes': 'ObjectSize' };
      t.is(await t.object('GET', 'k', { query: 'attributes', headers }), { is: 200, body: /<ObjectSize>5</ });
    }),
    ufs('UpdateObjectEncryption', 'the encryption of an object is changed', async (t) => {
      await t.put('k');
      const body =
        '<ObjectEncryption><SSEKMS><KMSKeyArn>arn:aws:kms:us-east-1:1:key/k</KMSKeyArn></SSEKMS></ObjectEncryption>';
      t.is(await putWith(t, 'k', 'encryption', body), 200);
      t.is(await t.object('GET', 'k'), { is: 200, body: 'k' });
    }),
    ...taggingChecks(),
    ...lockChecks(),
    ufs('RenameObject', 'an object gets another key (directory buckets alone)', async (t) => {
      await t.put('k', 'bytes');
      const headers = { 'x-amz-rename-source': t.key('k') };
      t.is(await t.object('PUT', 'new', { query: 'renameObject', headers }), 200);
      t.is(await t.object('GET', 'new'), { is: 200, body: 'bytes' });
    }),
    ufs('RestoreObject', 'an object that is not archived cannot be restored', async (t) => {
      await t.put('k');
      const body = '<RestoreRequest><Days>1</Days></RestoreRequest>';
      const reply = await t.object('POST', 'k', {
        query: 'restore',
        body,
        headers: { 'content-md5': md5Of(body) },
      });
      t.is(reply, '403 InvalidObjectState');
    }),
    ufs('SelectObjectContent', 'an object is queried', async (t) => {
      await t.put('k', 'a,b\n1,2\n');
      const body =
        '<SelectObjectContentRequest><Expression>SELECT * FROM S3Object</Expression><ExpressionType>SQL</ExpressionType><InputSerialization><CSV/></InputSerialization><OutputSerialization><CSV/></OutputSerialization></SelectObjectContentRequest>';
      t.is(await t.object('POST', 'k', { query: 'select&select-type=2', body }), { is: 200, body: /a,b/ });
    }),
    forebay('GetObjectTorrent', 'torrents are refused: S3 has withdrawn them', async (t) => {
      await t.put('k', 'bytes');
      const reply = await t.object('GET', 'k', { query: 'torrent' });
      t.same('refused', [reply.status >= 400, reply.code !== undefined], [true, true]);
    }),
  ],
};

function putWith(t: Target, name: string, query: string, body: string) {
  return t.object('PUT', name, { query, body, headers: { 'content-md5': md5Of(body) } });
}

function taggingChecks() {
  const body = '<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag></TagSet></Tagging>';
  return [
    ufs('GetObjectTagging', 'tags of an object are read', async (t: Target) => {
      await t.put('k', 'x', { headers: { 'x-amz-tagging': 'a=1' } });
      t.is(await t.object('GET', 'k', { query: 'tagging' }), { is: 200, body: /<Key>a</ });
    }),
    ufs('PutObjectTagging', 'tags of an object are set', async (t: Target) => {
      await t.put('k');
      t.is(await putWith(t, 'k', 'tagging', body), 200);
      t.is(await t.object('GET', 'k', { query: 'tagging' }), { is: 200, body: /<Key>a</ });
    }),
    ufs('DeleteObjectTagging', 'tags of an object are removed', async (t: Target) => {
      await t.put('k', 'x', { headers: { 'x-amz-tagging': 'a=1' } });
      t.is(await t.object('DELETE', 'k', { query: 'tagging' }), 204);
      t.is(await t.object('GET', 'k', { query: 'tagging' }), {
        is: 200,
        body: /<TagSet/,
        without: /<Key>a</,
      });
    }),
  ];
}

function lockChecks() {
  const md5 = { headers: { 'content-md5': md5Of('locked') } };
  const hold = (status: string) => `<LegalHold><Status>${status}</Status></LegalHold>`;
  const retention =
    '<Retention><Mode>GOVERNANCE</Mode><RetainUntilDate>2099-01-01T00:00:00Z</RetainUntilDate></Retention>';
  return [
    ufs(
      'GetObjectLegalHold',
      'the legal hold of an object is read',
      async (t: Target) => {
        await t.put('k', 'locked', md5);
        t.is(await putWith(t, 'k', 'legal-hold', hold('ON')), 200);
        t.is(await t.object('GET', 'k', { query: 'legal-hold' }), { is: 200, body: /<Status>ON</ });
      },
      'locked',
    ),
    ufs(
      'PutObjectLegalHold',
      'the legal hold of an object is set, and told with it',
      async (t: Target) => {
        await t.put('k', 'locked', md5);
        t.is(await t.object('GET', 'k'), 200);
        t.is(await putWith(t, 'k', 'legal-hold', hold('ON')), 200);
        t.is(await t.object('GET', 'k'), { is: 200, headers: { 'x-amz-object-lock-legal-hold': 'ON' } });
        t.is(await putWith(t, 'k', 'legal-hold', hold('OFF')), 200);
        t.is(await t.object('HEAD', 'k'), { is: 200, headers: { 'x-amz-object-lock-legal-hold': /OFF|^$/ } });
      },
      'locked',
    ),
    ufs(
      'GetObjectRetention',
      'the retention of an object is read',
      async (t: Target) => {
        await t.put('k', 'locked', md5);
        t.is(await putWith(t, 'k', 'retention', retention), 200);
        t.is(await t.object('GET', 'k', { query: 'retention' }), { is: 200, body: /<Mode>GOVERNANCE</ });
      },
      'locked',
    ),
    ufs(
      'PutObjectRetention',
      'the retention of an object is set, and told with it',
      async (t: Target) => {
        await t.put('k', 'locked', md5);
        t.is(await t.object('GET', 'k'), 200);
        t.is(await putWith(t, 'k', 'retention', retention), 200);
        t.is(await t.object('GET', 'k'), { is: 200, headers: { 'x-amz-object-lock-mode': 'GOVERNANCE' } });
      },
      'locked',
    ),
  ];
}
