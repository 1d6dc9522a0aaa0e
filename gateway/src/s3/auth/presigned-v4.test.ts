import { SignatureV4 } from '@smithy/signature-v4';
import { describe, expect, it } from 'vitest';
import {
  accepted,
  accessKey,
  authDeps,
  exampleHost,
  exampleMs,
  refusal,
  Sha256,
  secretKey,
} from './auth-fixture.ts';

const published: Readonly<Record<string, string>> = {
  'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
  'X-Amz-Credential': `${accessKey}/20130524/us-east-1/s3/aws4_request`,
  'X-Amz-Date': '20130524T000000Z',
  'X-Amz-Expires': '86400',
  'X-Amz-SignedHeaders': 'host',
  'X-Amz-Signature': 'aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
};

function link(changes: Readonly<Record<string, string | undefined>> = {}) {
  const query = Object.entries({ ...published, ...changes })
    .filter((entry): entry is [string, string] => entry[1] !== undefined)
    .map((pair) => pair.map(encodeURIComponent).join('='));
  return { target: `/test.txt?${query.join('&')}` };
}

/** As the SDKs make links: what is in `query` is signed there, and `headers` are signed as headers. */
async function signedLink(options: {
  method: string;
  query?: Record<string, string>;
  headers?: Record<string, string>;
}) {
  const signer = new SignatureV4({
    service: 's3',
    region: 'auto',
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    sha256: Sha256,
    uriEscapePath: false,
    applyChecksum: false,
  });
  const request = {
    method: options.method,
    protocol: 'https:',
    hostname: exampleHost,
    path: '/k',
    query: options.query ?? {},
    headers: { host: exampleHost, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', ...options.headers },
  };
  const { query = {} } = await signer.presign(request, {
    signingDate: new Date(exampleMs),
    expiresIn: 60,
    unhoistableHeaders: new Set(Object.keys(options.headers ?? {})),
    unsignableHeaders: new Set(['x-amz-content-sha256']),
  });
  const text = Object.entries(query).map((pair) =>
    pair.map((part) => encodeURIComponent(String(part))).join('='),
  );
  return { method: options.method, target: `/k?${text.join('&')}`, headers: options.headers ?? {} };
}

describe('a presigned link', () => {
  it('holds for the published example, with names in any case', () => {
    expect(accepted(link())).toMatchObject({
      principal: { kind: 'user', accessKey },
      payloadMode: { kind: 'unsigned' },
    });
  });

  it('is bound to its method', () => {
    expect(refusal({ ...link(), method: 'HEAD' }).code).toBe('SignatureDoesNotMatch');
  });

  it('holds until it expires, however old, and not a millisecond more', () => {
    const endMs = exampleMs + 86_400_000;
    expect(accepted(link(), authDeps({ nowMs: endMs - 1 })).principal.kind).toBe('user');
    expect(refusal(link(), authDeps({ nowMs: endMs }))).toMatchObject({
      status: 403,
      code: 'AccessDenied',
      message: 'Request has expired',
      fields: {
        'X-Amz-Expires': '86400',
        Expires: '2013-05-25T00:00:00Z',
        ServerTime: '2013-05-25T00:00:00Z',
      },
    });
  });

  it('is expired at once where it lasts 0 s, before its signature is looked at', () => {
    expect(refusal(link({ 'X-Amz-Expires': '0' })).message).toBe('Request has expired');
  });

  it('is not valid more than 15 minutes before it was made', () => {
    const fifteenMinutesMs = 15 * 60_000;
    expect(accepted(link(), authDeps({ nowMs: exampleMs - fifteenMinutesMs })).principal.kind).toBe('user');
    expect(refusal(link(), authDeps({ nowMs: exampleMs - fifteenMinutesMs - 1 }))).toMatchObject({
      code: 'AccessDenied',
      message: 'Request is not valid yet',
    });
  });

  it.each(Object.keys(published).filter((name) => !/Algorithm|Credential|Signature$/.test(name)))(
    'needs %s',
    (name) => {
      expect(refusal(link({ [name]: undefined }))).toMatchObject({
        status: 400,
        code: 'AuthorizationQueryParametersError',
        message: expect.stringMatching(
          /^Query-string authentication version 4 requires the X-Amz-Algorithm, /,
        ),
      });
    },
  );

  it('is an error, and not anonymous, as long as anything of it is there', () => {
    for (const name of ['X-Amz-Algorithm', 'X-Amz-Credential', 'X-Amz-Signature']) {
      expect(refusal({ target: `/k?${name}=x` }).code).toBe('AuthorizationQueryParametersError');
    }
  });

  const prefix = 'Error parsing the X-Amz-Credential parameter; ';
  it.each([
    ['X-Amz-Expires', 'soon', 'X-Amz-Expires should be a number'],
    ['X-Amz-Expires', '-1', 'X-Amz-Expires must be non-negative'],
    [
      'X-Amz-Expires',
      '604801',
      'X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 seconds',
    ],
    ['X-Amz-Date', '2013', "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""],
    [
      'X-Amz-Date',
      '20130525T000000Z',
      'Invalid credential date "20130524". This date is not the same as X-Amz-Date: "20130525T000000Z".',
    ],
    [
      'X-Amz-Algorithm',
      'AWS4-ECDSA-P256-SHA256',
      'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"',
    ],
    [
      'X-Amz-Credential',
      accessKey,
      `${prefix}the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`,
    ],
    [
      'X-Amz-Credential',
      `${accessKey}/20130524/r/ec2/aws4_request`,
      `${prefix}incorrect service "ec2". This endpoint belongs to "s3".`,
    ],
  ])('refuses %s=%s', (name, value, message) => {
    expect(refusal(link({ [name]: value }))).toMatchObject({
      status: 400,
      code: 'AuthorizationQueryParametersError',
      message,
    });
  });

  it('has no use for session tokens', () => {
    expect(refusal(link({ 'X-Amz-Security-Token': 't' })).code).toBe('InvalidToken');
  });
});

describe('headers of a presigned link', () => {
  it('count where they were hoisted into the query, as bytes', async () => {
    const query = { 'x-amz-acl': 'private', 'x-amz-meta-name': 'Zoë', 'x-amz-checksum-mode': 'ENABLED' };
    const { effectiveHeaders } = accepted(await signedLink({ method: 'PUT', query }));
    expect(effectiveHeaders.get('x-amz-acl')).toBe('private');
    expect(effectiveHeaders.get('x-amz-checksum-mode')).toBe('ENABLED');
    expect(Buffer.from(effectiveHeaders.get('x-amz-meta-name')!, 'latin1').toString()).toBe('Zoë');
  });

  it('do not count where they concern the body or the signature', async () => {
    const query = {
      'x-amz-checksum-crc32': 'AAAAAA==',
      'x-amz-sdk-checksum-algorithm': 'CRC32',
      'x-amz-decoded-content-length': '5',
      'x-amz-trailer': 'x-amz-checksum-crc32',
    };
    const { effectiveHeaders, payloadMode } = accepted(await signedLink({ method: 'PUT', query }));
    expect(effectiveHeaders.withPrefix('x-amz-')).toEqual([]);
    expect(payloadMode.kind).toBe('unsigned');
  });

  it('cannot smuggle lines into what is sent on', async () => {
    const query = { 'x-amz-meta-a': 'b\r\nx-amz-acl: public-read' };
    expect(refusal(await signedLink({ method: 'PUT', query })).code).toBe('InvalidArgument');
  });

  it('must be sent where they were signed, and only those', async () => {
    const request = await signedLink({ method: 'PUT', headers: { 'x-amz-acl': 'private' } });
    expect(accepted(request).effectiveHeaders.get('x-amz-acl')).toBe('private');
    expect(refusal({ ...request, headers: {} }).code).toBe('SignatureDoesNotMatch');
    const more = { ...request.headers, 'x-amz-copy-source': '/b/secret' };
    expect(refusal({ ...request, headers: more }).fields).toEqual({ HeadersNotSigned: 'x-amz-copy-source' });
  });

  it('keep their own value where the query has one too', async () => {
    const headers = { 'x-amz-acl': 'private' };
    const request = await signedLink({ method: 'PUT', headers, query: { 'X-Amz-Acl': 'public-read' } });
    expect(accepted(request).effectiveHeaders.get('x-amz-acl')).toBe('private');
  });

  it('know no streaming modes: those are hashes that no body has', async () => {
    const mode = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER';
    const signer = new SignatureV4({
      service: 's3',
      region: 'auto',
      credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
      sha256: Sha256,
      uriEscapePath: false,
      applyChecksum: false,
    });
    const headers = { host: exampleHost, 'x-amz-content-sha256': mode };
    const unsigned = {
      method: 'PUT',
      protocol: 'https:',
      hostname: exampleHost,
      path: '/k',
      query: {},
      headers,
    };
    const { query = {} } = await signer.presign(unsigned, {
      signingDate: new Date(exampleMs),
      unhoistableHeaders: new Set(['x-amz-content-sha256']),
    });
    const text = Object.entries(query).map((pair) =>
      pair.map((part) => encodeURIComponent(String(part))).join('='),
    );
    const request = {
      method: 'PUT',
      target: `/k?${text.join('&')}`,
      headers: { 'x-amz-content-sha256': mode },
    };
    expect(accepted(request).payloadMode.kind).toBe('sha256');
  });
});
