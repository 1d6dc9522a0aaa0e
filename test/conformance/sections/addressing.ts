/** Buckets and keys in the request, and what tells two objects apart. */
import { anyKeys } from '../../support/any-keys.ts';
import { forebay, type Section, ufs } from '../check.ts';
import type { Target } from '../target.ts';

const badNames = ['ab', 'Upper', 'a_b', 'a..b', '192.168.5.4', '-abc', 'abc-', 'a.-b', 'x'.repeat(64)];
const kinds: readonly (readonly [title: string, test: (key: string) => boolean])[] = [
  ['of dots and slashes', (key) => /^[./]|\/[./]|\.$/.test(key)],
  ['with percent, plus, space and other characters of URLs', (key) => /^[ -~]*$/.test(key)],
  ['of any Unicode, also in two forms of normalisation', (key) => /\P{ASCII}/u.test(key)],
  ['with control characters', (key) => /\p{Cc}/u.test(key)],
];

/** A key and one below it ask for a file and a directory of one name: a check of its own. */
const besides = ['n', 'n/m'];
const keysAlone = anyKeys.filter((key) => !besides.includes(key));

export const addressing: Section = {
  title: 'Addressing and names',
  checks: [
    forebay(
      '17',
      'a host below the configured domain names the bucket, in any case and with a port',
      async (t) => {
        await t.put('k', 'bytes');
        const { port } = new URL(t.server.endpoint);
        for (const domain of [t.world.domain!, t.world.domain!.toUpperCase()]) {
          const host = `${t.bucket}.${domain}:${port}`;
          t.is(await t.at('GET', `/${t.key('k')}`, { headers: { host } }), { is: 200, body: 'bytes' });
        }
      },
    ),
    forebay('17.2', 'the bare domain, an address and any other host mean path style', async (t) => {
      await t.put('k', 'bytes');
      for (const host of [t.world.domain!, '127.0.0.1', 'localhost:1234', 'elsewhere.example.com']) {
        t.is(await t.object('GET', 'k', { headers: { host } }), { is: 200, body: 'bytes' });
      }
    }),
    forebay('18', 'a name that no bucket can have is 400 InvalidBucketName, on any request', async (t) => {
      for (const name of badNames) {
        t.is(await t.at('GET', `/${name}/key`), '400 InvalidBucketName');
        t.is(await t.at('PUT', `/${name}`), '400 InvalidBucketName');
      }
    }),
    forebay('19', 'a key of more than 1024 bytes is 400 KeyTooLongError', async (t) => {
      const body = [/<Size>1025</, /<MaxSizeAllowed>1024</];
      t.is(await t.at('GET', `/${t.bucket}/${'k'.repeat(1025)}`), { is: '400 KeyTooLongError', body });
      t.is(await t.at('PUT', `/${t.bucket}/${'é'.repeat(513)}`, { body: 'x' }), '400 KeyTooLongError');
    }),
    ...kinds.map(([title, test], index) =>
      ufs(`19.${index + 2}`, `keys ${title} are objects of their own`, (t) =>
        roundTrip(t, keysAlone.filter(test)),
      ),
    ),
    ufs('19.8', 'a key may stand beside keys below it', (t) => roundTrip(t, besides)),
    ufs('19.6', 'a key of exactly 1024 bytes is an object', (t) =>
      roundTrip(t, ['k'.repeat(1024 - t.key('').length)]),
    ),
    ufs(
      '19.7',
      'an empty object whose key ends in a slash is an object beside what lies below it',
      async (t) => {
        await t.put('folder/', '');
        await t.put('folder/file', 'x');
        t.is(await t.object('HEAD', 'folder/'), { is: 200, headers: { 'content-length': '0' } });
        t.is(await t.object('HEAD', 'folder'), 404);
      },
    ),
    forebay('20', 'an escaped slash names the same object, a space and a plus sign do not', async (t) => {
      await t.put('x/y', 'slash');
      await t.put('a b', 'space');
      const signed = t.sign('GET', 'x/y');
      const target = signed.target.replace(/x\/y$/, 'x%2Fy');
      t.is(await t.sendSigned({ ...signed, target }), { is: 200, body: 'slash' });
      t.is(await t.object('GET', 'a+b'), '404 NoSuchKey');
      t.is(await t.object('GET', 'a b'), { is: 200, body: 'space' });
    }),
  ],
};

async function roundTrip(t: Target, keys: readonly string[]): Promise<void> {
  const fitting = keys.filter((key) => Buffer.byteLength(t.key(key)) <= 1024);
  for (const key of fitting) await t.put(key, `of ${key}`);
  for (const key of fitting) t.is(await t.object('GET', key), { is: 200, body: `of ${key}` });
}
