/** Multipart uploads. */
import { createHash } from 'node:crypto';
import { forebay, proven, type Section, ufs } from '../check.ts';
import { complete, createUpload, partList, uploadPart, uploadParts } from '../multipart.ts';
import type { Target } from '../target.ts';

const five = Buffer.alloc(5 * 1024 * 1024);

export const multipart: Section = {
  title: 'Multipart uploads',
  checks: [
    ufs('97', 'creating an upload names bucket, key and id', async (t) => {
      const body = [
        /<InitiateMultipartUploadResult/,
        new RegExp(`<Bucket>${t.bucket}<`),
        new RegExp(`<Key>${t.key('k')}<`),
        /<UploadId>[^<]+</,
      ];
      t.is(await t.object('POST', 'k', { query: 'uploads' }), { is: 200, body });
    }),
    ufs('98', 'a part is answered with its tag; sent again it replaces the first', async (t) => {
      const id = await createUpload(t, 'k');
      await uploadPart(t, 'k', { id, number: 1, body: 'first' });
      const again = await uploadPart(t, 'k', { id, number: 1, body: 'second' });
      t.same('tag of the part', again.etag, `"${createHash('md5').update('second').digest('hex')}"`);
      t.is(await complete(t, 'k', id, partList([again])), 200);
      t.is(await t.object('GET', 'k'), { is: 200, body: 'second' });
    }),
    forebay('98.2', 'part numbers are 1 to 10000, and come with an upload id', async (t) => {
      const id = await createUpload(t, 'k');
      for (const number of ['0', '10001', 'x', '-1']) {
        t.is(
          await t.object('PUT', 'k', { query: `partNumber=${number}&uploadId=${id}`, body: 'x' }),
          '400 InvalidArgument',
        );
      }
      t.is(await t.object('PUT', 'k', { query: 'partNumber=1', body: 'x' }), '400 InvalidArgument');
      t.is(await t.object('PUT', 'k', { query: `uploadId=${id}`, body: 'x' }), 405);
      t.is(await t.object('DELETE', 'k', { query: `uploadId=${id}` }), 204);
    }),
    forebay('98.4', 'the body of a part is verified like that of an object', async (t) => {
      const id = await createUpload(t, 'k');
      const part = (headers: Record<string, string>, payloadHash?: string) =>
        t.object('PUT', 'k', { query: `partNumber=1&uploadId=${id}`, body: 'hello', headers, payloadHash });
      t.is(await part({ 'content-md5': '1B2M2Y8AsgTpgAmY7PhCfg==' }), '400 BadDigest');
      t.is(await part({ 'x-amz-checksum-crc32': 'AAAAAA==' }), '400 BadDigest');
      t.is(await part({}, '0'.repeat(64)), '400 XAmzContentSHA256Mismatch');
      const list = t.is(await t.object('GET', 'k', { query: `uploadId=${id}` }), 200);
      t.same('parts', /<Part>/.test(list.body.toString()), false);
      t.is(await t.object('DELETE', 'k', { query: `uploadId=${id}` }), 204);
    }),
    ufs('98.3', 'an unknown upload is 404 NoSuchUpload, for every operation on it', async (t) => {
      const id = 'uploadId=00000000-no-such-upload';
      t.is(await t.object('PUT', 'k', { query: `partNumber=1&${id}`, body: 'x' }), '404 NoSuchUpload');
      t.is(await t.object('GET', 'k', { query: id }), '404 NoSuchUpload');
      t.is(await t.object('DELETE', 'k', { query: id }), '404 NoSuchUpload');
      const list = partList([{ number: 1, etag: '"5d41402abc4b2a76b9719d911017c592"' }]);
      t.is(await t.object('POST', 'k', { query: id, body: list }), '404 NoSuchUpload');
    }),
    ufs('99', 'tags in the list may be quoted, escaped or bare; not every part need be listed', async (t) => {
      for (const quote of ['"', '&quot;', '']) {
        const id = await createUpload(t, 'k');
        const part = await uploadPart(t, 'k', { id, number: 3, body: 'three' });
        await uploadPart(t, 'k', { id, number: 7, body: 'left out' });
        const etag = part.etag.replaceAll('"', quote);
        t.is(await complete(t, 'k', id, partList([{ number: 3, etag }])), 200);
        t.is(await t.object('GET', 'k'), { is: 200, body: 'three' });
      }
    }),
    ufs('99.2', 'a list that is empty or no list is MalformedXML', async (t) => {
      const id = await createUpload(t, 'k');
      const bad = [
        '<CompleteMultipartUpload></CompleteMultipartUpload>',
        '<CompleteMultipartUpload><Part>',
        '<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>',
      ];
      for (const body of bad) t.is(await complete(t, 'k', id, body), '400 MalformedXML');
    }),
    ufs('99.3', 'parts that are unknown or have another tag are 400 InvalidPart', async (t) => {
      const id = await createUpload(t, 'k');
      const one = await uploadPart(t, 'k', { id, number: 1, body: 'small' });
      const other = { number: 1, etag: '"0123456789abcdef0123456789abcdef"' };
      t.is(await complete(t, 'k', id, partList([other])), '400 InvalidPart');
      t.is(await complete(t, 'k', id, partList([{ ...one, number: 9 }])), '400 InvalidPart');
    }),
    ufs('99.5', 'parts out of order are 400 InvalidPartOrder', async (t) => {
      const id = await createUpload(t, 'k');
      const one = await uploadPart(t, 'k', { id, number: 1, body: five });
      const two = await uploadPart(t, 'k', { id, number: 2, body: five });
      t.is(await complete(t, 'k', id, partList([two, one])), '400 InvalidPartOrder');
      t.is(await t.object('DELETE', 'k', { query: `uploadId=${id}` }), 204);
    }),
    ufs('99.6', 'a part below 5 MiB that is not the last is 400 EntityTooSmall', async (t) => {
      const id = await createUpload(t, 'k');
      const one = await uploadPart(t, 'k', { id, number: 1, body: 'small' });
      const two = await uploadPart(t, 'k', { id, number: 2, body: 'end' });
      t.is(await complete(t, 'k', id, partList([one, two])), '400 EntityTooSmall');
    }),
    ufs('99.4', 'an announced size that is not the size is 400 InvalidRequest', async (t) => {
      const id = await createUpload(t, 'k');
      const part = await uploadPart(t, 'k', { id, number: 1, body: 'hello' });
      const done = (size: string) =>
        t.object('POST', 'k', {
          query: `uploadId=${id}`,
          body: partList([part]),
          headers: { 'x-amz-mp-object-size': size },
        });
      t.is(await done('4'), '400 InvalidRequest');
      t.is(await done('5'), 200);
    }),
    ufs('100', 'the answer to a completion names place, bucket, key and tag', async (t) => {
      const reply = await uploadParts(t, 'k', ['hello']);
      const body = [
        /<CompleteMultipartUploadResult/,
        /<Location>[^<]+</,
        new RegExp(`<Bucket>${t.bucket}<`),
        new RegExp(`<Key>${t.key('k')}<`),
        /<ETag>(&quot;|"|&#34;)[0-9a-f]{32}-1/,
      ];
      t.is(reply, { is: 200, body });
    }),
    proven(
      '100.2',
      'an error that a slow completion brings after its 200 is no success',
      'ufs/src/s3/documents.test.ts',
      'see an error that comes with 200, also after the white space of a slow one',
    ),
    ufs('101', 'the same completion again is 200 with the same tag', async (t) => {
      const id = await createUpload(t, 'k');
      const list = partList([await uploadPart(t, 'k', { id, number: 1, body: 'hello' })]);
      t.is(await complete(t, 'k', id, list), 200);
      t.is(await complete(t, 'k', id, list), { is: 200, body: /[0-9a-f]{32}-1/ });
    }),
    ufs('101.2', 'an aborted upload cannot be completed', async (t) => {
      const id = await createUpload(t, 'k');
      const list = partList([await uploadPart(t, 'k', { id, number: 1, body: 'hello' })]);
      t.is(await t.object('DELETE', 'k', { query: `uploadId=${id}` }), 204);
      t.is(await complete(t, 'k', id, list), '404 NoSuchUpload');
    }),
    ufs('102', 'the tag of a multipart object is made of the tags of its parts', async (t) => {
      await uploadParts(t, 'k', [five, 'hello']);
      const headers = { etag: '"1a1761a0c87a46829d8a65122ae36c1a-2"' };
      t.is(await t.object('HEAD', 'k'), { is: 200, headers });
    }),
    ufs('103', 'before its completion an upload changes nothing under its key', async (t) => {
      await t.put('k', 'old');
      const id = await createUpload(t, 'k');
      const part = await uploadPart(t, 'k', { id, number: 1, body: 'new' });
      t.is(await t.object('GET', 'k'), { is: 200, body: 'old' });
      t.is(await complete(t, 'k', id, partList([part])), 200);
      t.is(await t.object('GET', 'k'), { is: 200, body: 'new' });
    }),
    ufs('104', 'parts are listed by number, page by page', listsParts),
    ufs('104.2', 'uploads are listed by key', async (t) => {
      for (const name of ['b', 'a/1', 'a/2']) await createUpload(t, name);
      const list = (more: string) =>
        t.ofBucket('GET', { query: `uploads&prefix=${encodeURIComponent(t.key(''))}${more}` });
      const all = t.is(await list(''), {
        is: 200,
        body: [/<ListMultipartUploadsResult/, /<UploadId>[^<]+</, /<Initiated>/],
      });
      t.same('order of uploads', keysIn(all.body.toString(), t), ['a/1', 'a/2', 'b']);
      const grouped = t.is(await list('&delimiter=%2F'), {
        is: 200,
        body: /<CommonPrefixes><Prefix>[^<]*a\/<\/Prefix>/,
      });
      t.same('uploads outside of groups', keysIn(grouped.body.toString(), t), ['b']);
      const page = t.is(await list('&max-uploads=1'), {
        is: 200,
        body: [/<IsTruncated>true</, /<NextKeyMarker>[^<]*a\/1</, /<NextUploadIdMarker>[^<]+</],
      });
      const marker = /<NextUploadIdMarker>([^<]+)</.exec(page.body.toString())![1]!;
      const next = await list(
        `&key-marker=${encodeURIComponent(t.key('a/1'))}&upload-id-marker=${encodeURIComponent(marker)}`,
      );
      t.same('the next page', keysIn(t.is(next, 200).body.toString(), t), ['a/2', 'b']);
    }),
    forebay('104.3', 'a list of uploads of a key is 400 InvalidRequest', async (t) => {
      t.is(await t.object('GET', 'k', { query: 'uploads' }), '400 InvalidRequest');
    }),
  ],
};

function keysIn(xml: string, t: Target): string[] {
  return [...xml.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key]) => key!.slice(t.key('').length));
}

async function listsParts(t: Target): Promise<void> {
  const id = await createUpload(t, 'k');
  for (const number of [3, 1, 2]) await uploadPart(t, 'k', { id, number, body: `part ${number}` });
  const list = async (more: string) => {
    const body = [
      /<ListPartsResult/,
      /<PartNumberMarker>/,
      /<MaxParts>/,
      /<Initiator>/,
      /<Owner>/,
      /<StorageClass>STANDARD</,
    ];
    return t
      .is(await t.object('GET', 'k', { query: `uploadId=${id}${more}` }), { is: 200, body })
      .body.toString();
  };
  const numbers = (xml: string) =>
    [...xml.matchAll(/<PartNumber>(\d+)</g)].map(([, number]) => Number(number));
  t.same('parts in order', numbers(await list('')), [1, 2, 3]);
  const page = await list('&max-parts=2');
  t.same(
    'first page',
    [numbers(page), /<IsTruncated>true</.test(page), /<NextPartNumberMarker>2</.test(page)],
    [[1, 2], true, true],
  );
  const next = await list('&part-number-marker=2');
  t.same('second page', [numbers(next), /<IsTruncated>false</.test(next)], [[3], true]);
}
