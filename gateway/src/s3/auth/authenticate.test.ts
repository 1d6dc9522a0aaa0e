import { emptySha256, uriEncode, uriEncodePath } from '@forebay/core/sigv4';
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { S3Error } from '../errors.ts';
import { accessKey, authDeps, exampleMs, refusalOf, requestOf, Sha256, secretKey } from './auth-fixture.ts';
import { authenticate } from './authenticate.ts';

const signer = new SignatureV4({
  service: 's3',
  region: 'eu-west-1',
  credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
  sha256: Sha256,
  uriEscapePath: false,
  applyChecksum: false,
});

const text = (maxLength: number) => fc.string({ unit: 'binary', maxLength });
const key = fc.oneof(
  text(40),
  fc.constantFrom(
    'a//b',
    '/',
    '../up',
    './.',
    'a/../b/.',
    'a b+c%d',
    '%2F',
    'ü/日本/🎉',
    "!'()*",
    'a\\b?c#d',
  ),
);
const queryName = text(8).filter(
  (name) => name !== '' && !/^(x-amz-|signature$|awsaccesskeyid$|__proto__$)/i.test(name),
);
const query = fc.dictionary(queryName, text(12), { maxKeys: 4, noNullPrototype: true });
const printable = fc.string({ unit: fc.constantFrom(...' abcXYZ019-_.,;:/=+"~'), maxLength: 12 });
const metadata = fc.dictionary(fc.constantFrom('a', 'b-c', 'd'), printable, { noNullPrototype: true });
const method = fc.constantFrom('GET', 'HEAD', 'PUT', 'POST', 'DELETE');

const request = fc.record({ method, key, query, metadata });
type Given = typeof request extends fc.Arbitrary<infer T> ? T : never;

/** How clients write the same path: escapes in upper or lower case, and some characters bare. */
const spelling = fc.constantFrom(
  (path: string) => path,
  (path: string) => path.replace(/%[0-9A-F]{2}/g, (escaped) => escaped.toLowerCase()),
  (path: string) =>
    path.replace(/%(21|27|28|29|2A|24|2B|2C|3A|3D|40)/g, (escaped) => decodeURIComponent(escaped)),
);

function queryText(entries: Readonly<Record<string, unknown>>, spaces: '+' | '%20'): string {
  return Object.entries(entries)
    .map(([name, value]) => `${uriEncode(name)}=${uriEncode(String(value))}`)
    .join('&')
    .replaceAll('%20', spaces);
}

function unsigned(given: Given) {
  const headers: Record<string, string> = { host: '127.0.0.1:9000', 'x-amz-content-sha256': emptySha256 };
  for (const [name, value] of Object.entries(given.metadata)) headers[`x-amz-meta-${name}`] = value;
  return {
    method: given.method,
    protocol: 'http:',
    hostname: '127.0.0.1',
    port: 9000,
    path: `/lake/${uriEncodePath(given.key)}`,
    query: { ...given.query },
    headers,
  };
}

const deps = authDeps();
const signingDate = new Date(exampleMs);

describe('what another implementation signs', () => {
  it('is accepted in the header, however the path is spelled', async () => {
    await fc.assert(
      fc.asyncProperty(
        request,
        spelling,
        fc.constantFrom('+' as const, '%20' as const),
        async (given, spell, spaces) => {
          const signed = await signer.sign(unsigned(given), { signingDate });
          const { host, ...headers } = signed.headers;
          const target = `${spell(signed.path)}?${queryText(given.query, spaces)}`;
          const incoming = requestOf({ method: given.method, host: host!, target, headers });
          expect(authenticate(incoming, deps).principal).toMatchObject({ accessKey });
          if (given.key !== '') expect(incoming.target.key).toBe(given.key);
        },
      ),
      { numRuns: 150 },
    );
  });

  it('is accepted in the query, and gives the headers that were hoisted into it', async () => {
    await fc.assert(
      fc.asyncProperty(request, spelling, async (given, spell) => {
        const { headers, ...rest } = unsigned(given);
        const { 'x-amz-content-sha256': _hash, ...sent } = headers;
        const presigned = await signer.presign(
          { ...rest, headers: { ...sent, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } },
          { signingDate, unsignableHeaders: new Set(['x-amz-content-sha256']) },
        );
        const target = `${spell(presigned.path)}?${queryText(presigned.query ?? {}, '%20')}`;
        const incoming = requestOf({ method: given.method, host: '127.0.0.1:9000', target });
        const { effectiveHeaders } = authenticate(incoming, deps);
        for (const [name, value] of Object.entries(given.metadata)) {
          expect(effectiveHeaders.get(`x-amz-meta-${name}`)).toBe(value.trim());
        }
      }),
      { numRuns: 100 },
    );
  });
});

describe('a byte that is changed after signing', () => {
  const base: Given = { method: 'GET', key: 'a/b c', query: { prefix: 'x/y' }, metadata: { a: 'value' } };

  it('makes the request refused, wherever it is', async () => {
    const signed = await signer.sign(unsigned(base), { signingDate });
    const { host, ...headers } = signed.headers;
    const parts = {
      method: base.method,
      target: `${signed.path}?prefix=x/y`,
      host: host!,
      ...headers,
    } as Record<string, string>;
    expect(
      authenticate(requestOf({ method: 'GET', target: parts.target!, host: host!, headers }), deps),
    ).toBeDefined();
    const flip = fc
      .constantFrom(...Object.keys(parts))
      .chain((part) =>
        fc.record({ part: fc.constant(part), at: fc.nat(parts[part]!.length - 1), bit: fc.nat(6) }),
      );
    fc.assert(
      fc.property(flip, ({ part, at, bit }) => {
        const changed = { ...parts, [part]: flipped(parts[part]!, at, bit) };
        // Spaces around a value and the case of its escapes or of the header names it lists carry no meaning.
        fc.pre(!sameMeaning(part, parts[part]!, changed[part]!));
        const { method: verb, target, host: name, ...rest } = changed as Record<string, string>;
        const attempt = () =>
          authenticate(requestOf({ method: verb!, target: target!, host: name!, headers: rest }), deps);
        const outcome = refusalOrAnonymous(attempt);
        expect(outcome).not.toBe('accepted');
      }),
      { numRuns: 1500 },
    );
  });

  function flipped(value: string, at: number, bit: number): string {
    const code = value.charCodeAt(at) ^ (1 << bit);
    return value.slice(0, at) + String.fromCharCode(code) + value.slice(at + 1);
  }

  function sameMeaning(part: string, before: string, after: string): boolean {
    if (part === 'target') return meaningOf(before) === meaningOf(after);
    if (part === 'authorization')
      return before.toLowerCase() === after.toLowerCase() && !/Signature=.*[A-Z]/.test(after);
    return before === after.trim();
  }

  function meaningOf(target: string): string {
    try {
      const { target: parsed } = requestOf({ target, host: '127.0.0.1:9000' });
      return JSON.stringify([parsed.canonicalPath, parsed.query.entries]);
    } catch {
      return target;
    }
  }

  function refusalOrAnonymous(attempt: () => { principal: { kind: string } }): string {
    try {
      return attempt().principal.kind === 'anonymous' ? 'anonymous' : 'accepted';
    } catch (error) {
      if (error instanceof S3Error) return error.code;
      throw error;
    }
  }

  it('is refused as a mismatch where only the signature differs', async () => {
    const signed = await signer.sign(unsigned(base), { signingDate });
    const { host, ...headers } = signed.headers;
    const last = headers.authorization!.at(-1) === '0' ? '1' : '0';
    const authorization = `${headers.authorization!.slice(0, -1)}${last}`;
    const incoming = requestOf({
      target: `${signed.path}?prefix=x/y`,
      host: host!,
      headers: { ...headers, authorization },
    });
    expect(refusalOf(() => authenticate(incoming, deps)).code).toBe('SignatureDoesNotMatch');
  });
});
