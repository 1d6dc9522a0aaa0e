/** Error documents, and which failure is told how. */
import { forebay, proven, type Section, ufs } from '../check.ts';

const document = /^<\?xml version="1\.0" encoding="UTF-8"\?>\s*<Error><Code>/;

export const errors: Section = {
  title: 'Errors',
  checks: [
    forebay('70', 'an error is an XML document without a namespace, echoed values escaped', async (t) => {
      const name = 'a<b>&"\'';
      const reply = t.is(await t.object('GET', name), {
        is: '404 NoSuchKey',
        headers: { 'content-type': 'application/xml' },
        body: [
          document,
          /<Message>[^<]+<\/Message>/,
          /<Key>[^<]*a&lt;b(&gt;|>)&amp;/,
          /<RequestId>[^<]+/,
          /<HostId>[^<]+/,
        ],
        without: /xmlns/,
      });
      t.same('content-length', Number(reply.headers['content-length']), reply.body.length);
    }),
    forebay('70.2', 'the document names the thing that its code is about', async (t) => {
      await t.put('k', '0123456789');
      t.is(await t.at('GET', '/no-such-bucket-anywhere/k'), {
        is: '404 NoSuchBucket',
        body: /<BucketName>no-such-bucket-anywhere</,
      });
      t.is(await t.object('GET', 'k', { headers: { 'if-match': '"x"' } }), {
        is: '412 PreconditionFailed',
        body: /<Condition>If-Match</,
      });
      const range = await t.object('GET', 'k', { headers: { range: 'bytes=10-' } });
      t.is(range, { is: '416 InvalidRange', body: [/<RangeRequested>bytes=10-</, /<ActualObjectSize>10</] });
      t.is(await t.at('POST', '/'), {
        is: '405 MethodNotAllowed',
        body: [/<Method>POST</, /<ResourceType>SERVICE</],
      });
      t.is(await t.ofBucket('GET', { query: 'max-keys=-1' }), {
        is: '400 InvalidArgument',
        body: /<ArgumentName>max-keys</,
      });
    }),
    ufs('70.3', 'a missing upload is named by its id', async (t) => {
      const query = 'uploadId=no-such-upload&partNumber=1';
      t.is(await t.object('PUT', 'k', { query, body: 'x' }), {
        is: '404 NoSuchUpload',
        body: /<UploadId>no-such-upload</,
      });
    }),
    forebay('71', 'a store that cannot be reached is 503, which clients retry', async (t) => {
      const { goneBucket } = t.world;
      const expected = t.world.isDirectory ? [404, 503] : [503];
      for (const [method, path] of [
        ['GET', `/${goneBucket}/k`],
        ['PUT', `/${goneBucket}/k`],
        ['GET', `/${goneBucket}`],
      ] as const) {
        const reply = await t.at(method, path, method === 'PUT' ? { body: 'x' } : {});
        t.same('503', expected.includes(reply.status), true);
      }
    }),
    proven(
      '71.2',
      'a client that stops sending gets 400 RequestTimeout or a closed connection',
      'gateway/src/gateway-http.test.ts',
      'close a connection whose client stops in the middle of its body',
    ),
    proven(
      '72',
      'an error after the head went out cuts the connection short of its length',
      'gateway/src/gateway-http.test.ts',
      'that fail after the headers cut the connection short of their length',
    ),
    forebay('73', 'a missing key is NoSuchKey, anything below a missing bucket NoSuchBucket', async (t) => {
      t.is(await t.object('GET', 'gone'), '404 NoSuchKey');
      for (const method of ['GET', 'PUT', 'DELETE']) {
        const options = method === 'PUT' ? { body: 'x' } : {};
        t.is(await t.at(method, '/no-such-bucket-anywhere/k', options), '404 NoSuchBucket');
      }
      t.is(await t.at('GET', '/no-such-bucket-anywhere'), '404 NoSuchBucket');
    }),
  ],
};
