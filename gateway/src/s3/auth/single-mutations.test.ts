/**
 * Any request that another implementation signed is accepted, and is refused once one thing about it is
 * another: for any keys, queries and headers, in the header and in a link.
 */
import { emptySha256, uriEncode, uriEncodePath } from '@forebay/core/sigv4';
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { S3Error } from '../errors.ts';
import { authDeps, exampleMs, requestOf, Sha256, secretKey, accessKey as signerKey } from './auth-fixture.ts';
import { authenticate } from './authenticate.ts';

const signer = new SignatureV4({
  service: 's3',
  region: 'us-east-1',
  credentials: { accessKeyId: signerKey, secretAccessKey: secretKey },
  sha256: Sha256,
  uriEscapePath: false,
  applyChecksum: false,
});
const signingDate = new Date(exampleMs);
const host = 's3.example.com:9000';

interface Signed {
  method: string;
  path: string;
  query: [string, string][];
  headers: Record<string, string>;
}

const word = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 });
const plain = fc.string({ unit: fc.constantFrom(...'abcXYZ019-_./;="~àé'), minLength: 1, maxLength: 12 });
const given = fc.record({
  method: fc.constantFrom('GET', 'HEAD', 'PUT', 'POST', 'DELETE'),
  key: word,
  query: fc.dictionary(
    word.filter((name) => !/^(x-amz-|signature$|awsaccesskeyid$|__proto__$)/i.test(name)),
    word,
    { minKeys: 1, maxKeys: 3, noNullPrototype: true },
  ),
  metadata: fc.dictionary(fc.constantFrom('a', 'b'), plain, { minKeys: 1, noNullPrototype: true }),
});
type Given = typeof given extends fc.Arbitrary<infer T> ? T : never;

async function signedIn(place: 'header' | 'query', what: Given): Promise<Signed> {
  const headers: Record<string, string> = { host };
  for (const [name, value] of Object.entries(what.metadata)) headers[`x-amz-meta-${name}`] = value;
  headers['x-amz-content-sha256'] = place === 'header' ? emptySha256 : 'UNSIGNED-PAYLOAD';
  const [hostname, port] = host.split(':');
  const path = `/lake/${uriEncodePath(what.key)}`;
  const request = {
    ...{ method: what.method, protocol: 'http:', hostname: hostname!, port: Number(port), path },
    query: { ...what.query },
    headers,
  };
  const done =
    place === 'header'
      ? await signer.sign(request, { signingDate })
      : await signer.presign(request, {
          signingDate,
          unhoistableHeaders: new Set(['x-amz-meta-a']),
          unsignableHeaders: new Set(['x-amz-content-sha256']),
        });
  const query = Object.entries(done.query ?? {}).map(([name, value]) => [name, String(value)] as const);
  return {
    method: what.method,
    path: done.path,
    query: query.map((pair) => [...pair]),
    headers: done.headers,
  };
}

/** The code of the refusal. */
function verdictOf({ method, path, query, headers }: Signed): string {
  const text = query.map((pair) => pair.map(uriEncode).join('=')).join('&');
  const { host: sentHost = '', ...given } = headers;
  const others = Object.fromEntries(
    Object.entries(given).map(([name, value]) => [name, Buffer.from(value).toString('latin1')]),
  );
  try {
    const request = requestOf({ method, target: `${path}?${text}`, host: sentHost, headers: others });
    return authenticate(request, authDeps()).principal.kind;
  } catch (error) {
    if (error instanceof S3Error) return error.code;
    throw error;
  }
}

type Mutation = (signed: Signed, at: number) => Signed;

const other = (value: string) => (value === 'GET' ? 'PUT' : 'GET');
const tail = (value: string) => (value.endsWith('0') ? `${value.slice(0, -1)}1` : `${value.slice(0, -1)}0`);

const mutations: Readonly<Record<string, Mutation>> = {
  'another method': (signed) => ({ ...signed, method: other(signed.method) }),
  'a longer path': (signed) => ({ ...signed, path: `${signed.path}x` }),
  'another bucket': (signed) => ({ ...signed, path: signed.path.replace('/lake/', '/lakes/') }),
  'another parameter': (signed) => ({ ...signed, query: [...signed.query, ['versionId', '1']] }),
  'a parameter less': (signed, at) => {
    const own = signed.query.filter(([name]) => !/^x-amz-/i.test(name));
    const lost = own[at % own.length];
    return { ...signed, query: signed.query.filter((pair) => pair !== lost) };
  },
  'another value': (signed, at) => {
    const own = signed.query.filter(([name]) => !/^x-amz-(signature|credential|algorithm)$/i.test(name));
    const changed = own[at % own.length];
    return {
      ...signed,
      query: signed.query.map((pair) => (pair === changed ? [pair[0], `${pair[1]}0`] : pair)),
    };
  },
  'another header value': (signed, at) => {
    const names = Object.keys(signed.headers).filter((name) => name !== 'authorization');
    const name = names[at % names.length]!;
    return { ...signed, headers: { ...signed.headers, [name]: tail(signed.headers[name]!) } };
  },
  'a header more': (signed) => ({ ...signed, headers: { ...signed.headers, 'x-amz-acl': 'public-read' } }),
  'another signature': (signed) => ({
    ...signed,
    headers: Object.fromEntries(
      Object.entries(signed.headers).map(([name, value]) => [
        name,
        name === 'authorization' ? tail(value) : value,
      ]),
    ),
    query: signed.query.map(([name, value]) => [name, name === 'X-Amz-Signature' ? tail(value) : value]),
  }),
};

it.each(['header', 'query'] as const)('holds in the %s', async (place) => {
  await fc.assert(
    fc.asyncProperty(given, fc.nat(100), async (what, at) => {
      const signed = await signedIn(place, what);
      expect(verdictOf(signed)).toBe('user');
      for (const [name, mutation] of Object.entries(mutations)) {
        expect([name, verdictOf(mutation(signed, at))]).toEqual([name, expect.stringMatching(/^[A-Z]/)]);
      }
    }),
    { numRuns: 40 },
  );
});
