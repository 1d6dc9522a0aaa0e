/** HTTP itself: targets, heads, bodies, connections. */
import { gzipSync } from 'node:zlib';
import { forebay, type Section, ufs } from '../check.ts';
import { headText, RawConnection } from '../raw.ts';
import { signOdd, usualHeaders } from '../signing.ts';
import type { Target } from '../target.ts';

const ids = { 'x-amz-request-id': /./, 'x-amz-id-2': /./, date: / GMT$/, server: /./ };

export const http: Section = {
  title: 'HTTP',
  checks: [
    forebay('1', 'a target with scheme and authority is read as its path', async (t) => {
      await t.put('k', 'bytes');
      const signed = t.sign('GET', 'k');
      const target = `${t.server.endpoint}${signed.target}`;
      t.is(await t.sendSigned({ ...signed, target }), { is: 200, body: 'bytes' });
    }),
    ufs('2', 'dot segments and empty segments are part of the key', async (t) => {
      for (const name of ['a/../c', 'a/./c', 'a//c']) {
        await t.put(name, name);
        t.is(await t.object('GET', name), { is: 200, body: name });
      }
      t.is(await t.object('GET', 'c'), '404 NoSuchKey');
    }),
    forebay('3', 'an escape that is none, or no UTF-8, is 400 InvalidURI', async (t) => {
      for (const bad of ['%zz', '%', '%ff', '%c3%28']) {
        const signed = t.sign('GET', 'k');
        t.is(await t.sendSigned({ ...signed, target: `/${t.bucket}/${bad}` }), '400 InvalidURI');
      }
    }),
    ufs('3.2', 'the path is decoded once; a plus sign in it is a plus sign', async (t) => {
      await t.put('a+b', 'plus');
      await t.put('%25', 'percent twice');
      t.is(await t.object('GET', 'a b'), '404 NoSuchKey');
      t.is(await t.object('GET', '%'), '404 NoSuchKey');
      t.is(await t.object('GET', '%25'), { is: 200, body: 'percent twice' });
    }),
    forebay('3.3', 'an escaped slash is a slash of the key', async (t) => {
      await t.put('a/b', 'slash');
      const signed = t.sign('GET', 'a/b');
      const target = signed.target.replace(/a\/b$/, 'a%2Fb');
      t.is(await t.sendSigned({ ...signed, target }), { is: 200, body: 'slash' });
    }),
    forebay(
      '4',
      'a parameter without a value equals one with an empty value; unknown ones are ignored',
      async (t) => {
        for (const tail of ['uploads', 'uploads=']) {
          const signed = t.sign('GET', undefined, { query: 'uploads' });
          const target = signed.target.replace('uploads=', tail);
          t.is(await t.sendSigned({ ...signed, target }), { is: 200, body: /<ListMultipartUploadsResult/ });
        }
        await t.put('k', 'x');
        t.is(await t.object('GET', 'k', { query: 'x-id=GetObject&who=knows' }), { is: 200, body: 'x' });
      },
    ),
    ufs('4.2', 'a plus sign in a value is a space, %2B a plus sign', async (t) => {
      await t.put('p q', '1');
      const signed = t.sign('GET', undefined, {
        query: `list-type=2&prefix=${encodeURIComponent(t.key('p q'))}`,
      });
      const target = signed.target.replace('p%20q', 'p+q');
      t.is(await t.sendSigned({ ...signed, target }), { is: 200, body: /<Key>[^<]*p q<\/Key>/ });
    }),
    forebay('5', 'the bucket with a slash behind it is the bucket', async (t) => {
      t.is(await t.at('GET', `/${t.bucket}/`, { query: 'list-type=2' }), {
        is: 200,
        body: /<ListBucketResult/,
      });
      t.is(await t.at('HEAD', `/${t.bucket}/`), 200);
      t.is(await t.at('GET', `/${t.bucket}/`, { query: 'location' }), {
        is: 200,
        body: /<LocationConstraint/,
      });
    }),
    forebay(
      '6',
      'every answer has both ids, a date and a server; an error document repeats the ids',
      async (t) => {
        await t.put('k');
        const good = t.is(await t.object('GET', 'k'), { is: 200, headers: ids });
        const other = t.is(await t.object('HEAD', 'k'), { is: 200, headers: ids });
        t.same(
          'one request id twice',
          good.headers['x-amz-request-id'] === other.headers['x-amz-request-id'],
          false,
        );
        const etag = String(good.headers.etag);
        t.is(await t.object('GET', 'k', { headers: { 'if-none-match': etag } }), { is: 304, headers: ids });
        t.is(await t.object('HEAD', 'gone'), { is: 404, headers: ids });
        const error = t.is(await t.object('GET', 'gone'), { is: '404 NoSuchKey', headers: ids });
        const inBody = /<RequestId>(.*)<\/RequestId><HostId>(.*)<\/HostId>/
          .exec(error.body.toString())
          ?.slice(1);
        t.same('ids of the document', inBody, [
          error.headers['x-amz-request-id'],
          error.headers['x-amz-id-2'],
        ]);
      },
    ),
    forebay('7', 'HEAD has the status and headers of GET and never a body', headEqualsGet),
    forebay('8', 'answers of 204 and 304 have no body and no length', async (t) => {
      const { headers } = await t.put('k');
      const not = { 'if-none-match': String(headers.etag) };
      const none = { 'content-length': /^0?$/, 'transfer-encoding': undefined };
      for (const reply of [
        t.is(await t.object('GET', 'k', { headers: not }), { is: 304, body: '' }),
        t.is(await t.object('DELETE', 'k'), { is: 204, body: '' }),
      ]) {
        t.same(
          'content-length',
          none['content-length'].test(String(reply.headers['content-length'] ?? '')),
          true,
        );
        t.same('transfer-encoding', reply.headers['transfer-encoding'], undefined);
      }
    }),
    forebay(
      '9',
      '100 Continue comes before a body that is wanted, and never before one that is not',
      expectContinue,
    ),
    forebay('10', 'any other expectation is ignored', async (t) => {
      const signed = t.sign('PUT', 'k', { body: 'x', headers: { expect: 'miracles' } });
      t.is(await t.raw(`${headText(signed)}x`), 200);
    }),
    forebay(
      '11',
      'a body without a length is 411; a length that is no number, or a short body, is 400',
      badLengths,
    ),
    forebay('11.2', 'requests without a body need no length', async (t) => {
      await t.put('k');
      const created = t.is(await t.raw(headText(t.sign('POST', 'm', { query: 'uploads' }))), 200);
      t.same('upload id', /<UploadId>.+<\/UploadId>/.test(created.body.toString()), true);
      const copy = t.sign('PUT', 'copy', { headers: { 'x-amz-copy-source': t.path('k') } });
      t.is(await t.raw(headText(copy)), 200);
      t.is(await t.raw(headText(t.sign('DELETE', 'k'))), 204);
    }),
    forebay('12', 'a body that was refused unread never becomes the next request', async (t) => {
      const connection = await RawConnection.open(t.server);
      try {
        const body = 'GET / HTTP/1.1\r\n\r\n'.repeat(20);
        const refused = t.sign('PUT', 'k', { body, payloadHash: 'nonsense' });
        connection.send(`${headText(refused)}${body}`);
        const first = t.is(await connection.answer(), 400);
        if (first.headers.connection === 'close') return;
        connection.send(headText(t.sign('GET', 'gone')));
        t.is(await connection.answer(), '404 NoSuchKey');
      } finally {
        connection.close();
      }
    }),
    forebay('12.2', 'an idle connection is kept for a minute or more', async (t) => {
      const reply = await t.raw(headText(t.sign('GET', 'gone')));
      t.is(reply, { is: 404, headers: { 'keep-alive': /timeout=([6-9]\d|\d{3,})/ } });
    }),
    forebay(
      '13',
      'a header section over the limit is 400 RequestHeaderSectionTooLarge, as a document',
      async (t) => {
        const signed = t.sign('GET', 'k');
        t.is(
          await t.raw(headText(signed, [`x-long: ${'x'.repeat(100_000)}`])),
          '400 RequestHeaderSectionTooLarge',
        );
      },
    ),
    forebay(
      '14',
      'stored bytes and their encoding go out as stored, whatever the client accepts',
      async (t) => {
        const packed = gzipSync('text');
        await t.put('k', packed, { headers: { 'content-encoding': 'gzip' } });
        for (const accept of ['gzip', 'identity', 'br;q=1, *;q=0']) {
          t.is(await t.object('GET', 'k', { headers: { 'accept-encoding': accept } }), {
            is: 200,
            body: packed,
            headers: { 'content-encoding': 'gzip', vary: undefined, 'transfer-encoding': undefined },
          });
        }
      },
    ),
    forebay('15', 'header values are signed trimmed, inner runs of spaces as one', async (t) => {
      const signed = t.sign('PUT', 'k', { body: 'x', headers: { 'x-amz-meta-a': '  a   b  ' } });
      t.is(await t.raw(`${headText(signed)}x`), 200);
    }),
    forebay('16', 'user metadata sent twice is one entry, joined by a comma', async (t) => {
      const signed = signOdd(t.server, {
        method: 'PUT',
        path: t.path('k'),
        signed: { ...usualHeaders('UNSIGNED-PAYLOAD'), 'x-amz-meta-k': 'a,b', 'content-length': '1' },
        sent: { 'x-amz-meta-k': 'a' },
        payloadHash: 'UNSIGNED-PAYLOAD',
      });
      t.is(await t.raw(`${headText(signed, ['X-Amz-Meta-K: b'])}x`), 200);
      t.is(await t.object('HEAD', 'k'), { is: 200, headers: { 'x-amz-meta-k': /^a, ?b$/ } });
    }),
  ],
};

async function headEqualsGet(t: Target): Promise<void> {
  await t.put('k', '0123456789', { headers: { 'x-amz-meta-a': 'b', 'content-type': 'text/plain' } });
  const get = t.is(await t.object('GET', 'k'), 200);
  const head = t.is(await t.object('HEAD', 'k'), { is: 200, body: '', headers: { 'content-length': '10' } });
  for (const name of [
    'etag',
    'last-modified',
    'content-type',
    'content-length',
    'accept-ranges',
    'x-amz-meta-a',
  ]) {
    t.same(name, head.headers[name], get.headers[name]);
  }
  const etag = String(get.headers.etag);
  const failing: readonly [number, Record<string, string>, string][] = [
    [404, {}, 'gone'],
    [412, { 'if-match': '"other"' }, 'k'],
    [304, { 'if-none-match': etag }, 'k'],
    [416, { range: 'bytes=10-' }, 'k'],
  ];
  for (const [status, headers, name] of failing) {
    const signed = t.sign('HEAD', name, { headers });
    t.is(await t.raw(headText(signed), { head: true }), status);
    t.is(await t.object('HEAD', name, { headers }), { is: status, body: '' });
  }
  t.is(await t.object('HEAD', 'k', { query: 'partNumber=0' }), { is: 400, body: '' });
  const signed = t.sign('HEAD', 'k');
  t.is(await t.sendSigned({ ...signed, target: `${signed.target}2` }), { is: 403, body: '' });
}

async function expectContinue(t: Target): Promise<void> {
  const connection = await RawConnection.open(t.server);
  try {
    const expect = { expect: '100-continue' };
    connection.send(headText(t.sign('PUT', 'k', { body: 'bytes', headers: expect })));
    t.same('interim status', await connection.nextStatus(), 100);
    connection.send('bytes');
    t.is(await connection.answer(), 200);
    const refused = t.sign('PUT', 'k', { body: 'bytes', headers: expect });
    connection.send(headText({ ...refused, target: `${refused.target}2` }));
    t.same('status of the refused', await connection.nextStatus(), 403);
    const answer = t.is(await connection.answer(), '403 SignatureDoesNotMatch');
    if (answer.headers.connection === 'close') return;
    connection.send(headText(t.sign('GET', 'k')));
    t.is(await connection.answer(), { is: 200, body: 'bytes' });
  } finally {
    connection.close();
  }
}

async function badLengths(t: Target): Promise<void> {
  const bare = t.sign('PUT', 'k', { payloadHash: 'UNSIGNED-PAYLOAD' });
  t.is(await t.raw(headText(bare)), '411 MissingContentLength');
  for (const bad of ['ten', '-1', '1, 2']) {
    t.is(await t.raw(headText(bare, [`content-length: ${bad}`])), 400);
  }
  const connection = await RawConnection.open(t.server);
  try {
    connection.send(`${headText(bare, ['content-length: 10'])}short`);
    connection.end();
    t.is(await connection.answer(), '400 IncompleteBody');
  } finally {
    connection.close();
  }
  t.is(await t.object('GET', 'k'), '404 NoSuchKey');
}
