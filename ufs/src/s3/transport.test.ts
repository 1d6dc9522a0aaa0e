import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { ConfigError } from '@forebay/core/config';
import { silentLog } from '@forebay/core/log';
import type { CredentialsRef } from '@forebay/core/mount';
import { SignatureV4 } from '@smithy/signature-v4';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addressOf, pathOf, type S3Location } from './address.ts';
import { openS3Ufs } from './open.ts';
import { type RawRequest, reply, startRawServer } from './testing/raw-server.ts';

const location: S3Location = {
  scheme: 's3',
  bucket: 'lake',
  prefix: '',
  endpoint: undefined,
  region: 'eu-west-1',
  pathStyle: false,
  credentials: { kind: 'env', name: 'LAKE' },
};

describe('the address of a bucket', () => {
  it.each([
    ['of AWS, by region', {}, 'https://lake.s3.eu-west-1.amazonaws.com', '/a/../b%2B'],
    [
      'of AWS in China',
      { region: 'cn-north-1' },
      'https://lake.s3.cn-north-1.amazonaws.com.cn',
      '/a/../b%2B',
    ],
    ['with dots', { bucket: 'a.b' }, 'https://s3.eu-west-1.amazonaws.com', '/a.b/a/../b%2B'],
    ['path-style', { pathStyle: true }, 'https://s3.eu-west-1.amazonaws.com', '/lake/a/../b%2B'],
    ['by name', { endpoint: 'http://store:7070' }, 'http://lake.store:7070', '/a/../b%2B'],
    ['by IPv4', { endpoint: 'http://127.0.0.1:7070' }, 'http://127.0.0.1:7070', '/lake/a/../b%2B'],
    ['by IPv6', { endpoint: 'http://[::1]:7070' }, 'http://[::1]:7070', '/lake/a/../b%2B'],
    ['on its own port', { endpoint: 'https://store:443' }, 'https://lake.store', '/a/../b%2B'],
  ])('%s', (_name, part, origin, path) => {
    const address = addressOf({ ...location, ...part });
    expect([address.origin, address.host]).toEqual([origin, new URL(origin).host]);
    expect(pathOf(address, 'a/../b+')).toBe(path);
  });
});

async function sendOne(credentials: CredentialsRef, env: Record<string, string>): Promise<RawRequest> {
  const server = await startRawServer(({ write }) => write(reply(200)));
  const ufs = openS3Ufs({ ...location, endpoint: server.endpoint, credentials }, { env, log: silentLog });
  onTestFinished(async () => {
    await ufs.close();
    await server.close();
  });
  await ufs.forward({
    effect: 'read',
    method: 'GET',
    key: "a/../b//c d+%'é",
    query: [
      ['versionId', 'v=/+'],
      ['attributes', ''],
    ],
    headers: [
      ['x-amz-object-attributes', '  ETag,   Checksum '],
      ['range', 'bytes=0-1'],
    ],
  });
  return server.requests[0]!;
}

class Sha256 {
  readonly #digest: Hash | Hmac;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#digest = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as Uint8Array);
  }
  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#digest.update(data as Uint8Array);
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#digest.digest());
  }
}

describe('a request', () => {
  it('is signed as another implementation signs it', async () => {
    const env = {
      LAKE_ACCESS_KEY_ID: 'AKID',
      LAKE_SECRET_ACCESS_KEY: 'secret',
      LAKE_SESSION_TOKEN: 'token/+=',
    };
    const request = await sendOne({ kind: 'env', name: 'LAKE' }, env);
    const headers = request.headers as Record<string, string>;
    const names = /SignedHeaders=([^,]+)/.exec(headers.authorization ?? '')?.[1]?.split(';') ?? [];
    expect(names).toEqual([
      'host',
      'x-amz-content-sha256',
      'x-amz-date',
      'x-amz-object-attributes',
      'x-amz-security-token',
    ]);
    const other = new SignatureV4({
      credentials: { accessKeyId: 'AKID', secretAccessKey: 'secret', sessionToken: 'token/+=' },
      region: 'eu-west-1',
      service: 's3',
      sha256: Sha256,
      uriEscapePath: false,
      applyChecksum: false,
    });
    const signed = await other.sign(
      {
        method: 'GET',
        protocol: 'http:',
        hostname: '127.0.0.1',
        path: request.target.split('?')[0]!,
        query: { versionId: 'v=/+', attributes: '' },
        headers: Object.fromEntries(names.map((name) => [name, headers[name]!])),
      },
      { signingDate: dateOf(headers['x-amz-date']!) },
    );
    const signatureOf = (authorization = '') => /Signature=(\w+)/.exec(authorization)?.[1];
    expect(signatureOf(headers.authorization)).toBe(signatureOf(signed.headers.authorization));
  });

  it('goes unsigned where the mount says anonymous', async () => {
    const request = await sendOne({ kind: 'anonymous' }, {});
    const names = Object.keys(request.headers).filter((name) =>
      /^(authorization|x-amz-(date|content))/.test(name),
    );
    expect(names).toEqual([]);
  });
});

it.each([
  [{ LAKE_ACCESS_KEY_ID: 'AKID' }, 'LAKE_SECRET_ACCESS_KEY is not set'],
  [{}, 'LAKE_ACCESS_KEY_ID and LAKE_SECRET_ACCESS_KEY are not set'],
])('names the variables where credentials are missing', (env, message) => {
  const open = () => openS3Ufs(location, { env, log: silentLog });
  expect(open).toThrow(ConfigError);
  expect(open).toThrow(message);
});

/** `20130524T000000Z` to a Date. */
function dateOf(amzDate: string): Date {
  return new Date(amzDate.replace(/(....)(..)(..)T(..)(..)(..)Z/, '$1-$2-$3T$4:$5:$6Z'));
}
