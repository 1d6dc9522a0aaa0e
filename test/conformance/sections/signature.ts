/** Signature version 4 in the Authorization header. */
import { amzDateOf } from '@forebay/core/sigv4';
import { forebay, proven, type Section } from '../check.ts';
import { signOdd, usualHeaders } from '../signing.ts';
import type { Target } from '../target.ts';

const minuteMs = 60_000;
const malformed = '400 AuthorizationHeaderMalformed';
const credential = /Credential=[^,]*/;

type Change = (authorization: string) => string;
const credentialOf =
  (change: (parts: string[]) => void): Change =>
  (authorization) => {
    const parts = /Credential=([^,]*)/.exec(authorization)![1]!.split('/');
    change(parts);
    return authorization.replace(credential, `Credential=${parts.join('/')}`);
  };

/** What is done to a good header, the answer, and what its message says. */
const syntaxErrors: readonly (readonly [what: string, change: Change, is: string, said: RegExp])[] = [
  [
    'a value without a space',
    (a) => a.replaceAll(' ', ''),
    '400 InvalidArgument',
    /one and only one ' ' \(space\)/,
  ],
  ['another type', () => 'Bearer token', '400 InvalidArgument', /Unsupported Authorization Type/],
  ['version 2', () => 'AWS AKID:c2ln', '400 InvalidRequest', /Please use AWS4-HMAC-SHA256/],
  ['two components', (a) => a.replace(/, Signature=.*/, ''), malformed, /requires three components/],
  [
    'a component without =',
    (a) => a.replace('Signature=', 'Signature'),
    malformed,
    /component .* is malformed/,
  ],
  ['no credential', (a) => a.replace('Credential=', 'Credentials='), malformed, /missing Credential/],
  ['a short credential', credentialOf((parts) => parts.pop()), malformed, /Credential is mal-formed/],
  ['a bad day', credentialOf((parts) => (parts[1] = '2013-05-24')), malformed, /yyyyMMdd/],
  ['another service', credentialOf((parts) => (parts[3] = 'ec2')), malformed, /incorrect service/],
  ['another end', credentialOf((parts) => (parts[4] = 'aws3_request')), malformed, /incorrect terminal/],
  ['another day', credentialOf((parts) => (parts[1] = '20130524')), malformed, /Invalid credential date/],
];

export const signature: Section = {
  title: 'Signatures in the header',
  checks: [
    forebay('21', 'the three components may be separated by commas with or without a space', async (t) => {
      await t.put('k');
      const signed = t.sign('GET', 'k');
      const authorization = signed.headers.authorization!.replaceAll(', ', ',');
      t.is(await t.sendSigned({ ...signed, headers: { ...signed.headers, authorization } }), 200);
    }),
    forebay(
      '22',
      'faults are told in the order of S3: mechanism, syntax, date, key, clock, hash, signature',
      orderOfFaults,
    ),
    ...syntaxErrors.map(([what, change, is, said], index) =>
      forebay(
        index === 0 ? '23' : `23.${index + 1}`,
        `a header with ${what} is told as ${is.slice(4)}`,
        async (t) => {
          const signed = t.sign('GET', 'k');
          const authorization = change(signed.headers.authorization!);
          t.is(await t.sendSigned({ ...signed, headers: { ...signed.headers, authorization } }), {
            is,
            body: said,
          });
        },
      ),
    ),
    forebay('23.12', 'a header and a query that both authenticate are 400 InvalidArgument', async (t) => {
      const signed = t.sign('GET', 'k');
      const both = { ...signed, target: t.link({ name: 'k', expiresInSeconds: 60 }) };
      t.is(await t.sendSigned(both), { is: '400 InvalidArgument', body: /Only one auth mechanism allowed/ });
    }),
    forebay('24', 'a scope of any region is accepted, the empty one too', async (t) => {
      for (const region of ['eu-central-1', 'auto', 'garage', '']) {
        t.is(await t.object('GET', 'gone', { region }), '404 NoSuchKey');
      }
    }),
    forebay(
      '25',
      'the Date header is the time of signing where x-amz-date is absent; with neither it is 403',
      async (t) => {
        const hash = { 'x-amz-content-sha256': usualHeaders()['x-amz-content-sha256']! };
        const now = Math.floor(Date.now() / 1000) * 1000;
        const dated = { ...hash, date: new Date(now).toUTCString() };
        t.is(
          await t.sendSigned(
            signOdd(t.server, { path: t.path('gone'), signed: dated, amzDate: amzDateOf(now) }),
          ),
          '404 NoSuchKey',
        );
        t.is(
          await t.sendSigned(signOdd(t.server, { path: t.path('gone'), signed: hash })),
          '403 AccessDenied',
        );
        const bad = { ...hash, 'x-amz-date': 'yesterday' };
        t.is(
          await t.sendSigned(signOdd(t.server, { path: t.path('gone'), signed: bad })),
          '403 AccessDenied',
        );
      },
    ),
    forebay(
      '26',
      'a clock more than 15 minutes off is RequestTimeTooSkewed, also where the signature holds',
      async (t) => {
        const body = [
          /<RequestTime>\d{8}T\d{6}Z</,
          /<ServerTime>[\dT:.-]+Z</,
          /<MaxAllowedSkewMilliseconds>900000</,
        ];
        for (const minutes of [-16, 16]) {
          const signedAtMs = Date.now() + minutes * minuteMs;
          t.is(await t.object('GET', 'k', { signedAtMs }), { is: '403 RequestTimeTooSkewed', body });
        }
        t.is(await t.object('GET', 'gone', { signedAtMs: Date.now() - 14 * minuteMs }), '404 NoSuchKey');
      },
    ),
    forebay(
      '27',
      'a path signed right and sent with small escapes or bare marks is the same path',
      async (t) => {
        await t.put("ü!'()*~", 'odd');
        const signed = t.sign('GET', "ü!'()*~");
        const small = signed.target.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
        const bare = signed.target.replace('%21%27%28%29%2A', "!'()*");
        for (const target of [small, bare])
          t.is(await t.sendSigned({ ...signed, target }), { is: 200, body: 'odd' });
      },
    ),
    forebay('27.2', 'a query may be in any order and hold bare slashes', async (t) => {
      const signed = t.sign('GET', undefined, { query: 'delimiter=%2F&list-type=2&prefix=a%20b%2F' });
      const path = signed.target.slice(0, signed.target.indexOf('?'));
      for (const query of ['prefix=a%20b/&delimiter=/&list-type=2', 'list-type=2&delimiter=/&prefix=a+b/']) {
        t.is(await t.sendSigned({ ...signed, target: `${path}?${query}` }), {
          is: 200,
          body: /<ListBucketResult/,
        });
      }
    }),
    forebay(
      '28',
      'exactly the listed headers are verified; a listed one that is absent counts as empty',
      async (t) => {
        const odd = {
          ...usualHeaders(),
          'amz-sdk-request': 'attempt=1',
          'user-agent': 'x',
          range: 'bytes=0-0',
          'x-absent': '',
        };
        const call = {
          path: t.path('gone'),
          signed: odd,
          sent: { 'x-absent': undefined, 'x-more': 'unsigned' },
        };
        t.is(await t.sendSigned(signOdd(t.server, call)), '404 NoSuchKey');
      },
    ),
    forebay(
      '29',
      'an x-amz header that is not signed is refused by name; so is a signature without Host',
      async (t) => {
        const more = signOdd(t.server, {
          path: t.path('k'),
          signed: usualHeaders(),
          sent: { 'x-amz-acl': 'public-read', 'x-amz-copy-source': '/a/b' },
        });
        const body = /<HeadersNotSigned>x-amz-acl, x-amz-copy-source</;
        t.is(await t.sendSigned(more), { is: '403 AccessDenied', body });
        const signed = t.sign('GET', 'k');
        const authorization = signed.headers.authorization!.replace('SignedHeaders=host;', 'SignedHeaders=');
        const reply = await t.sendSigned({ ...signed, headers: { ...signed.headers, authorization } });
        t.same('status', reply.status, 403);
      },
    ),
    proven(
      '30',
      'string to sign and signing key give the published signatures; they are compared in constant time',
      'core/src/sigv4.test.ts',
      'signs the published GET with a range',
    ),
    forebay(
      '31',
      'a strange key is InvalidAccessKeyId; a wrong signature tells what was calculated',
      wrongCredentials,
    ),
    forebay('31.2', 'no credentials where they are needed are 403 AccessDenied', async (t) => {
      t.is(await t.unsigned('GET', `/${t.bucket}/k`), '403 AccessDenied');
      t.is(await t.unsigned('PUT', `/${t.bucket}/k`, { body: 'x' }), '403 AccessDenied');
      t.is(await t.unsigned('GET', '/'), '403 AccessDenied');
    }),
    forebay('31.3', 'a session token that nobody gave is 400 InvalidToken', async (t) => {
      t.is(
        await t.object('GET', 'k', { headers: { 'x-amz-security-token': 'made-up' } }),
        '400 InvalidToken',
      );
    }),
    forebay(
      '32',
      'x-amz-content-sha256 is required, and a literal in its own case or 64 hex digits',
      contentHash,
    ),
    forebay('33', 'the hash of a GET or HEAD is not compared with its empty body', async (t) => {
      const payloadHash = 'a'.repeat(64);
      t.is(await t.object('GET', 'gone', { payloadHash }), '404 NoSuchKey');
      t.is(await t.ofBucket('HEAD', { payloadHash }), 200);
    }),
    forebay('34', 'version 4A is refused as an unsupported type', async (t) => {
      const signed = t.sign('GET', 'k');
      const authorization = signed.headers.authorization!.replace('HMAC-SHA256', 'ECDSA-P256-SHA256');
      const reply = await t.sendSigned({ ...signed, headers: { ...signed.headers, authorization } });
      t.is(reply, { is: '400 InvalidArgument', body: /Unsupported Authorization Type/ });
    }),
    forebay('35', 'links signed with version 2 are served', async (t) => {
      await t.put('k', 'bytes');
      t.is(await t.unsigned('GET', t.linkV2({ name: 'k', expiresInSeconds: 60 })), {
        is: 200,
        body: 'bytes',
      });
      t.is(await t.unsigned('HEAD', t.linkV2({ name: 'k', expiresInSeconds: 60 })), 403);
      t.is(await t.unsigned('GET', t.linkV2({ name: 'k', expiresInSeconds: -1 })), '403 AccessDenied');
    }),
  ],
};

async function orderOfFaults(t: Target): Promise<void> {
  const stranger = { ...t.server, accessKey: 'AKIASTRANGER' };
  const old = amzDateOf(Date.now() - 60 * minuteMs);
  const path = t.path('k');
  const hash = { 'x-amz-content-sha256': 'nonsense' };
  const link = t.link({ name: 'k', expiresInSeconds: 60 });
  const both = await t.unsigned('GET', link, { headers: { authorization: 'nonsense' } });
  t.is(both, { is: '400 InvalidArgument', body: /Only one auth mechanism/ });
  const unknown = signOdd(stranger, { path, amzDate: old, signed: { 'x-amz-date': old, ...hash } });
  t.is(await t.sendSigned(unknown), '403 InvalidAccessKeyId');
  const skewed = signOdd(t.server, { path, amzDate: old, signed: { 'x-amz-date': old, ...hash } });
  t.is(await t.sendSigned(skewed), '403 RequestTimeTooSkewed');
  const malformedHash = signOdd(t.server, { path: `${path}2`, signed: { ...usualHeaders(), ...hash } });
  t.is(await t.sendSigned({ ...malformedHash, target: path }), '400 InvalidArgument');
}

async function wrongCredentials(t: Target): Promise<void> {
  const stranger = signOdd(
    { ...t.server, accessKey: 'AKIASTRANGER' },
    { path: t.path('k'), signed: usualHeaders() },
  );
  const named = /<AWSAccessKeyId>AKIASTRANGER</;
  t.is(await t.sendSigned(stranger), { is: '403 InvalidAccessKeyId', body: named });
  const forged = signOdd(
    { ...t.server, secretKey: 'guessed' },
    { path: t.path('k'), signed: usualHeaders() },
  );
  const fields = [
    'AWSAccessKeyId',
    'StringToSign',
    'SignatureProvided',
    'StringToSignBytes',
    'CanonicalRequest',
    'CanonicalRequestBytes',
  ];
  const body = fields.map((name) => new RegExp(`<${name}>[^<]`));
  t.is(await t.sendSigned(forged), { is: '403 SignatureDoesNotMatch', body });
}

async function contentHash(t: Target): Promise<void> {
  const path = t.path('k');
  const date = { 'x-amz-date': amzDateOf(Date.now()) };
  const absent = signOdd(t.server, { path, signed: date });
  t.is(await t.sendSigned(absent), { is: '400 InvalidRequest', body: /x-amz-content-sha256/ });
  for (const bad of ['unsigned-payload', 'abc', 'z'.repeat(64)]) {
    const signed = signOdd(t.server, {
      path,
      signed: { ...date, 'x-amz-content-sha256': bad },
      payloadHash: bad,
    });
    const body = /<ArgumentName>x-amz-content-sha256</;
    t.is(await t.sendSigned(signed), { is: '400 InvalidArgument', body });
  }
  const upper = usualHeaders()['x-amz-content-sha256']!.toUpperCase();
  t.is(await t.object('GET', 'gone', { payloadHash: upper }), '404 NoSuchKey');
}
