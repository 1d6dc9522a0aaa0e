/** Conditional requests. */
import { forebay, type Section, ufs } from '../check.ts';
import { complete, createUpload, partList, uploadPart } from '../multipart.ts';
import type { Target } from '../target.ts';

const past = 'Thu, 01 Jan 2015 00:00:00 GMT';
const future = 'Fri, 01 Jan 2100 00:00:00 GMT';

export const conditions: Section = {
  title: 'Conditions',
  checks: [
    forebay('86', 'conditions of a read count in the order of RFC 9110', precedence),
    forebay(
      '86.2',
      'entity tags may be bare, weak, in a list or *; dates that are none are ignored',
      async (t) => {
        const put = await t.put('k', 'x');
        const etag = String(put.headers.etag);
        const get = (headers: Record<string, string>) => t.object('GET', 'k', { headers });
        t.is(await get({ 'if-match': etag.replaceAll('"', '') }), 200);
        t.is(await get({ 'if-match': `"a", ${etag}` }), 200);
        t.is(await get({ 'if-match': '*' }), 200);
        t.is(await get({ 'if-none-match': `W/${etag}` }), 304);
        t.is(await get({ 'if-none-match': `"a", ${etag}` }), 304);
        t.is(await get({ 'if-none-match': etag.replaceAll('"', '') }), 304);
        t.is(await get({ 'if-modified-since': 'yesterday' }), 200);
        t.is(await get({ 'if-unmodified-since': 'yesterday' }), 200);
      },
    ),
    forebay(
      '86.3',
      'dates compare by the second; a missing object is 404 whatever the condition',
      async (t) => {
        await t.put('k', 'x');
        const { headers } = await t.object('HEAD', 'k');
        const date = String(headers['last-modified']);
        t.is(await t.object('GET', 'k', { headers: { 'if-modified-since': date } }), 304);
        t.is(await t.object('GET', 'k', { headers: { 'if-unmodified-since': date } }), 200);
        t.is(await t.object('GET', 'gone', { headers: { 'if-match': '*' } }), '404 NoSuchKey');
        t.is(await t.object('GET', 'gone', { headers: { 'if-none-match': '*' } }), '404 NoSuchKey');
      },
    ),
    forebay(
      '87',
      '412 names the condition; 304 keeps the tag and the dates and nothing of the body',
      async (t) => {
        const put = await t.put('k', 'x', { headers: { 'cache-control': 'max-age=5', expires: future } });
        const etag = String(put.headers.etag);
        const failing = { 'if-match': '"x"', 'if-unmodified-since': past };
        for (const [name, value] of Object.entries(failing)) {
          const shown = name.replaceAll(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
          const body = new RegExp(`<Condition>${shown}</Condition>`);
          t.is(await t.object('GET', 'k', { headers: { [name]: value } }), {
            is: '412 PreconditionFailed',
            body,
          });
        }
        const headers = {
          etag,
          'last-modified': / GMT$/,
          'cache-control': 'max-age=5',
          expires: future,
          'content-type': undefined,
          'content-length': undefined,
        };
        t.is(await t.object('GET', 'k', { headers: { 'if-none-match': etag } }), {
          is: 304,
          headers,
          body: '',
        });
      },
    ),
    ufs('88', 'If-None-Match: * creates and never replaces', async (t) => {
      const create = () => t.object('PUT', 'k', { body: 'x', headers: { 'if-none-match': '*' } });
      t.is(await create(), 200);
      t.is(await create(), '412 PreconditionFailed');
    }),
    ufs('88.2', 'If-Match replaces that version and no other, and creates nothing', async (t) => {
      const first = await t.put('k', 'one');
      const replace = (name: string, etag: string) =>
        t.object('PUT', name, { body: 'two', headers: { 'if-match': etag } });
      t.is(await replace('k', '"0123456789abcdef0123456789abcdef"'), '412 PreconditionFailed');
      t.is(await replace('gone', String(first.headers.etag)), '404 NoSuchKey');
      t.is(await replace('k', String(first.headers.etag)), 200);
      t.is(await t.object('GET', 'k'), { is: 200, body: 'two' });
    }),
    forebay('88.3', 'a write with another If-None-Match, or with both, is 501 NotImplemented', async (t) => {
      const put = (headers: Record<string, string>) => t.object('PUT', 'k', { body: 'x', headers });
      t.is(await put({ 'if-none-match': '"x"' }), {
        is: '501 NotImplemented',
        body: /<Header>If-None-Match</,
      });
      t.is(await put({ 'if-none-match': '*', 'if-match': '"x"' }), '501 NotImplemented');
      t.is(await t.object('GET', 'k'), '404 NoSuchKey');
    }),
    ufs('88.4', 'completing an upload and copying take the same conditions', conditionalCompletion),
    ufs('89', 'a delete takes If-Match', async (t) => {
      const put = await t.put('k');
      t.is(
        await t.object('DELETE', 'k', { headers: { 'if-match': '"0123456789abcdef0123456789abcdef"' } }),
        '412 PreconditionFailed',
      );
      t.is(await t.object('DELETE', 'k', { headers: { 'if-match': String(put.headers.etag) } }), 204);
    }),
  ],
};

async function precedence(t: Target): Promise<void> {
  const put = await t.put('k', 'x');
  const etag = String(put.headers.etag);
  const cases: readonly (readonly [number, Record<string, string>])[] = [
    [200, { 'if-match': etag, 'if-unmodified-since': past }],
    [412, { 'if-match': '"x"', 'if-unmodified-since': future }],
    [412, { 'if-match': '"x"', 'if-none-match': etag }],
    [304, { 'if-match': etag, 'if-none-match': etag }],
    [
      200,
      { 'if-match': etag, 'if-none-match': '"x"', 'if-modified-since': future, 'if-unmodified-since': past },
    ],
    [412, { 'if-none-match': etag, 'if-unmodified-since': past }],
    [412, { 'if-unmodified-since': past }],
    [200, { 'if-none-match': '"x"', 'if-modified-since': future }],
    [304, { 'if-none-match': etag, 'if-modified-since': past }],
    [200, { 'if-modified-since': past }],
    [304, { 'if-match': '*', 'if-none-match': '*' }],
    [412, { 'if-match': '"x"', range: 'bytes=5-' }],
    [304, { 'if-none-match': etag, range: 'bytes=5-' }],
  ];
  for (const method of ['GET', 'HEAD']) {
    for (const [is, headers] of cases) t.is(await t.object(method, 'k', { headers }), is);
  }
}

async function conditionalCompletion(t: Target): Promise<void> {
  await t.put('k', 'there');
  const id = await createUpload(t, 'k');
  const list = partList([await uploadPart(t, 'k', { id, number: 1, body: 'part' })]);
  const headers = { 'if-none-match': '*' };
  t.is(
    await t.object('POST', 'k', { query: `uploadId=${id}`, body: list, headers }),
    '412 PreconditionFailed',
  );
  t.is(await complete(t, 'k', id, list), 200);
  const copy = { 'x-amz-copy-source': t.path('k'), 'if-none-match': '*' };
  t.is(await t.object('PUT', 'copy', { headers: copy }), 200);
  t.is(await t.object('PUT', 'copy', { headers: copy }), '412 PreconditionFailed');
}
