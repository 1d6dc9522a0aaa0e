/** Signatures in the query, and the browser's form. */
import { sha256Hex } from '@forebay/core/sigv4';
import { forebay, type Section, ufs } from '../check.ts';
import { postForm } from '../post-form.ts';
import type { Target } from '../target.ts';

const minuteMs = 60_000;
const wrong = '400 AuthorizationQueryParametersError';
const names = [
  'X-Amz-Algorithm',
  'X-Amz-Credential',
  'X-Amz-Date',
  'X-Amz-Expires',
  'X-Amz-SignedHeaders',
  'X-Amz-Signature',
];
const without = (link: string, name: string) =>
  link.replace(new RegExp(`([?&])${name}=[^&]*&?`), '$1').replace(/[?&]$/, '');
const withValue = (link: string, name: string, value: string) =>
  link.replace(new RegExp(`${name}=[^&]*`), `${name}=${encodeURIComponent(value)}`);

export const presigned: Section = {
  title: 'Presigned links and forms',
  checks: [
    forebay('36', 'a link needs all six parameters', async (t) => {
      await t.put('k', 'bytes');
      const link = t.link({ name: 'k', expiresInSeconds: 60 });
      t.is(await t.unsigned('GET', link), { is: 200, body: 'bytes' });
      for (const name of names) t.is(await t.unsigned('GET', without(link, name)), wrong);
    }),
    forebay('37', 'the body of a link is unsigned, unless a signed header holds its hash', async (t) => {
      const link = t.link({ method: 'PUT', name: 'k', expiresInSeconds: 60 });
      t.is(await t.unsigned('PUT', link, { body: 'any' }), 200);
      const payloadHash = sha256Hex('this');
      const headers = { 'x-amz-content-sha256': payloadHash };
      const bound = t.link({ method: 'PUT', name: 'k', expiresInSeconds: 60, headers, payloadHash });
      t.is(await t.unsigned('PUT', bound, { body: 'this', headers }), 200);
      t.is(await t.unsigned('PUT', bound, { body: 'that', headers }), '400 XAmzContentSHA256Mismatch');
      const query = [['X-Amz-Content-Sha256', 'UNSIGNED-PAYLOAD']] as const;
      const inQuery = t.link({ method: 'PUT', name: 'k', expiresInSeconds: 60, query });
      t.is(await t.unsigned('PUT', inQuery, { body: 'any' }), 200);
    }),
    forebay(
      '38',
      'a life that is no number, negative or over a week is told; 0 has expired at once',
      async (t) => {
        const link = t.link({ name: 'k', expiresInSeconds: 60 });
        const told: readonly (readonly [string, RegExp])[] = [
          ['soon', /should be a number/],
          ['-1', /must be non-negative/],
          ['604801', /less than a week/],
        ];
        for (const [value, body] of told) {
          t.is(await t.unsigned('GET', withValue(link, 'X-Amz-Expires', value)), { is: wrong, body });
        }
        const atOnce = t.link({ name: 'k', expiresInSeconds: 0 });
        t.is(await t.unsigned('GET', atOnce), { is: '403 AccessDenied', body: /Request has expired/ });
      },
    ),
    forebay(
      '39',
      'an expired link says when; one of the future is not valid yet; age alone does not matter',
      async (t) => {
        await t.put('k');
        const at = (minutes: number, expiresInSeconds: number) =>
          t.unsigned(
            'GET',
            t.link({ name: 'k', expiresInSeconds, signedAtMs: Date.now() + minutes * minuteMs }),
          );
        const body = [
          /Request has expired/,
          /<X-Amz-Expires>60</,
          /<Expires>[\dT:.-]+Z</,
          /<ServerTime>[\dT:.-]+Z</,
        ];
        t.is(await at(-5, 60), { is: '403 AccessDenied', body });
        t.is(await at(16, 60), { is: '403 AccessDenied', body: /not valid yet/ });
        t.is(await at(-60, 7200), 200);
      },
    ),
    forebay('40', 'faults of the query have a code of their own', async (t) => {
      const link = t.link({ name: 'k', expiresInSeconds: 60 });
      const faults: readonly (readonly [string, string, RegExp])[] = [
        ['X-Amz-Credential', 'AKID/20130524/us-east-1/s3', /X-Amz-Credential/],
        ['X-Amz-Date', 'today', /ISO8601 Long Format/],
        ['X-Amz-Algorithm', 'AWS2', /X-Amz-Algorithm only supports/],
        [
          'X-Amz-Credential',
          `${t.server.accessKey}/20130524/us-east-1/s3/aws4_request`,
          /Invalid credential date/,
        ],
      ];
      for (const [name, value, body] of faults) {
        t.is(await t.unsigned('GET', withValue(link, name, value)), { is: wrong, body });
      }
    }),
    ufs(
      '41',
      'headers that were signed must be sent, and those hoisted into the query count as headers',
      async (t) => {
        const headers = { 'content-type': 'text/x-a', 'x-amz-meta-a': 'sent' };
        const link = t.link({ method: 'PUT', name: 'sent', expiresInSeconds: 60, headers });
        t.is(await t.unsigned('PUT', link, { body: 'x' }), 403);
        t.is(await t.unsigned('PUT', link, { body: 'x', headers }), 200);
        t.is(await t.object('HEAD', 'sent'), { is: 200, headers });
        const query = [['x-amz-meta-a', 'hoisted']] as const;
        const hoisted = t.link({ method: 'PUT', name: 'hoisted', expiresInSeconds: 60, query });
        t.is(await t.unsigned('PUT', hoisted, { body: 'x' }), 200);
        t.is(await t.object('HEAD', 'hoisted'), { is: 200, headers: { 'x-amz-meta-a': 'hoisted' } });
      },
    ),
    forebay('42', 'checksums hoisted into the query are not compared with the body', async (t) => {
      const query = [
        ['x-amz-checksum-crc32', 'AAAAAA=='],
        ['x-amz-sdk-checksum-algorithm', 'CRC32'],
      ] as const;
      const link = t.link({ method: 'PUT', name: 'k', expiresInSeconds: 60, query });
      t.is(await t.unsigned('PUT', link, { body: 'not empty' }), 200);
      const mode = [['x-amz-checksum-mode', 'ENABLED']] as const;
      t.is(await t.unsigned('GET', t.link({ name: 'k', expiresInSeconds: 60, query: mode })), 200);
    }),
    forebay('43', 'an x-amz header that the link does not sign is refused', async (t) => {
      const link = t.link({ method: 'PUT', name: 'k', expiresInSeconds: 60 });
      const headers = { 'x-amz-acl': 'public-read' };
      const body = /<HeadersNotSigned>x-amz-acl</;
      t.is(await t.unsigned('PUT', link, { body: 'x', headers }), { is: '403 AccessDenied', body });
    }),
    forebay('44', 'a streaming mode in a link is a hash that does not match', async (t) => {
      const payloadHash = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
      const headers = { 'x-amz-content-sha256': payloadHash };
      const link = t.link({ method: 'PUT', name: 'k', expiresInSeconds: 60, headers, payloadHash });
      t.is(await t.unsigned('PUT', link, { body: 'x', headers }), '400 XAmzContentSHA256Mismatch');
    }),
    forebay('45', 'a link is bound to its method and to its parameters', async (t) => {
      await t.put('k', 'bytes');
      const link = t.link({
        name: 'k',
        expiresInSeconds: 60,
        query: [['response-content-type', 'text/x-b']],
      });
      t.is(await t.unsigned('GET', link), { is: 200, headers: { 'content-type': 'text/x-b' } });
      t.is(await t.unsigned('HEAD', link), 403);
      t.is(
        await t.unsigned('GET', withValue(link, 'response-content-type', 'text/x-c')),
        '403 SignatureDoesNotMatch',
      );
      t.is(await t.unsigned('GET', `${link}&versionId=null`), '403 SignatureDoesNotMatch');
    }),
    forebay(
      '46',
      'a form stores its file under the key of its policy, and nothing that the policy forbids',
      formUpload,
    ),
  ],
};

async function formUpload(t: Target): Promise<void> {
  const key = `${t.key('form-')}\${filename}`;
  const good = await postForm(t, { key, conditions: [['starts-with', '$key', t.key('')]] });
  t.is(good, { is: 204, headers: { etag: /^"/ } });
  t.is(await t.object('GET', 'form-file.txt'), { is: 200, body: 'of the form' });
  t.is(await postForm(t, { key, conditions: [['starts-with', '$key', 'elsewhere/']] }), '403 AccessDenied');
  const forged = await postForm(t, {
    key,
    conditions: [['starts-with', '$key', '']],
    signature: '0'.repeat(64),
  });
  t.is(forged, '403 SignatureDoesNotMatch');
  const large = [
    ['starts-with', '$key', ''],
    ['content-length-range', 0, 3],
  ] as const;
  t.is(await postForm(t, { key, conditions: large }), '400 EntityTooLarge');
}
