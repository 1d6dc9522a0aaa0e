import { emptySha256, sha256Hex } from '@forebay/core/sigv4';
import { describe, expect, it } from 'vitest';
import {
  accepted,
  accessKey,
  authDeps,
  authorizationOf,
  exampleDate,
  exampleMs,
  exampleScope,
  refusal,
} from './auth-fixture.ts';

const getObject = {
  target: '/test.txt',
  headers: {
    Range: 'bytes=0-9',
    'x-amz-content-sha256': emptySha256,
    'x-amz-date': exampleDate,
    Authorization: authorizationOf(
      'host;range;x-amz-content-sha256;x-amz-date',
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ),
  },
};

function withHeader(name: string, value: string | undefined) {
  const { [name]: _removed, ...others } = getObject.headers as Record<string, string>;
  return { ...getObject, headers: value === undefined ? others : { ...others, [name]: value } };
}

const withAuthorization = (value: string) => withHeader('Authorization', value);

describe('the published examples', () => {
  it.each([
    ['fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543', '/?lifecycle'],
    ['34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7', '/?max-keys=2&prefix=J'],
    ['34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7', '/?prefix=J&max-keys=2'],
  ])('hold for bucket requests: %s %s', (signature, target) => {
    const { Range, ...headers } = getObject.headers;
    const Authorization = authorizationOf('host;x-amz-content-sha256;x-amz-date', signature);
    expect(accepted({ target, headers: { ...headers, Authorization } }).principal).toEqual({
      kind: 'user',
      name: 'root',
      permissions: 'all',
      accessKey,
    });
  });

  it('hold for a GET with a range, in any order of separators', () => {
    expect(accepted(getObject).payloadMode).toEqual({ kind: 'sha256', hex: emptySha256 });
    const spaced = getObject.headers.Authorization.replaceAll(',', ', ');
    expect(accepted(withAuthorization(spaced)).principal.kind).toBe('user');
  });

  it('hold for a PUT whose key is escaped, in upper case, lower case or not at all', () => {
    for (const target of ['/test%24file.text', '/test$file.text', 'http://proxy:80/test%24file.text']) {
      const request = {
        method: 'PUT',
        target,
        headers: {
          Date: 'Fri, 24 May 2013 00:00:00 GMT',
          'x-amz-content-sha256': sha256Hex('Welcome to Amazon S3.'),
          'x-amz-date': exampleDate,
          'x-amz-storage-class': 'REDUCED_REDUNDANCY',
          Authorization: authorizationOf(
            'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
            '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
          ),
        },
      };
      expect(accepted(request).principal.kind).toBe('user');
    }
  });

  it.each([
    [
      'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
      false,
      '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
      { 'content-length': '66824' },
    ],
    [
      'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
      true,
      '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e',
      { 'x-amz-trailer': 'x-amz-checksum-crc32c' },
    ],
  ])('hold for the seed of %s', (mode, trailer, signature, further) => {
    const signed: Record<string, string> = {
      'content-encoding': 'aws-chunked',
      'x-amz-content-sha256': mode,
      'x-amz-date': exampleDate,
      'x-amz-decoded-content-length': '66560',
      'x-amz-storage-class': 'REDUCED_REDUNDANCY',
      ...further,
    };
    const names = [...Object.keys(signed), 'host'].sort().join(';');
    const { payloadMode } = accepted({
      method: 'PUT',
      host: 's3.amazonaws.com',
      target: '/examplebucket/chunkObject.txt',
      headers: { ...signed, Authorization: authorizationOf(names, signature) },
    });
    expect(payloadMode).toMatchObject({
      kind: 'streaming',
      trailer,
      signed: { accessKey, amzDate: exampleDate, scope: exampleScope, seedSignature: signature },
    });
  });
});

describe('date and clock', () => {
  it.each([undefined, '', 'yesterday', '20130524', '20131324T000000Z'])('refuses the date %s', (date) => {
    expect(refusal(withHeader('x-amz-date', date))).toMatchObject({
      status: 403,
      code: 'AccessDenied',
      message: 'AWS authentication requires a valid Date or x-amz-date header.',
    });
  });

  it.each([
    [15 * 60_000, 'accepted'],
    [-15 * 60_000, 'accepted'],
    [15 * 60_000 + 1, 'RequestTimeTooSkewed'],
    [-15 * 60_000 - 1, 'RequestTimeTooSkewed'],
  ])('a clock that is off by %d ms: %s', (offMs, outcome) => {
    const deps = authDeps({ nowMs: exampleMs + offMs });
    if (outcome === 'accepted') expect(accepted(getObject, deps).principal.kind).toBe('user');
    else expect(refusal(getObject, deps)).toMatchObject({ status: 403, code: outcome });
  });

  it('tells an old request what both clocks say, before it looks at the signature', () => {
    const broken = withAuthorization(getObject.headers.Authorization.replace(/.$/, '0'));
    expect(refusal(broken, authDeps({ nowMs: exampleMs + 3_600_000 }))).toMatchObject({
      code: 'RequestTimeTooSkewed',
      fields: {
        RequestTime: exampleDate,
        ServerTime: '2013-05-24T01:00:00Z',
        MaxAllowedSkewMilliseconds: '900000',
      },
    });
  });
});

describe('who and what', () => {
  it('refuses a key it does not know, before clock and hash', () => {
    const stranger = withAuthorization(getObject.headers.Authorization.replace(accessKey, 'AKIASTRANGER'));
    expect(refusal(stranger, authDeps({ nowMs: 0 }))).toMatchObject({
      status: 403,
      code: 'InvalidAccessKeyId',
      fields: { AWSAccessKeyId: 'AKIASTRANGER' },
    });
  });

  it('refuses session tokens, which nobody here issues', () => {
    expect(refusal(withHeader('x-amz-security-token', 'token'))).toMatchObject({
      status: 400,
      code: 'InvalidToken',
      message: 'The provided token is malformed or otherwise invalid.',
    });
  });

  it('asks for the hash of the body', () => {
    expect(refusal(withHeader('x-amz-content-sha256', undefined))).toMatchObject({
      code: 'InvalidRequest',
      message: 'Missing required header for this request: x-amz-content-sha256',
    });
  });

  it.each(['', 'unsigned-payload', 'STREAMING', emptySha256.slice(1), `${emptySha256}0`])(
    'refuses the hash "%s"',
    (hash) => {
      expect(refusal(withHeader('x-amz-content-sha256', hash))).toMatchObject({
        code: 'InvalidArgument',
        fields: { ArgumentName: 'x-amz-content-sha256', ArgumentValue: hash },
        message: expect.stringMatching(/^x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED/),
      });
    },
  );

  it.each(['', '-TRAILER'])('does not serve the ECDSA mode%s', (suffix) => {
    const mode = `STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD${suffix}`;
    expect(refusal(withHeader('x-amz-content-sha256', mode)).code).toBe('NotImplemented');
  });
});

describe('a wrong signature', () => {
  it('is told all that its author needs', () => {
    const { fields, status, code } = refusal({ ...getObject, target: '/Test.txt' });
    expect([status, code, Object.keys(fields)]).toEqual([
      403,
      'SignatureDoesNotMatch',
      [
        'AWSAccessKeyId',
        'StringToSign',
        'SignatureProvided',
        'StringToSignBytes',
        'CanonicalRequest',
        'CanonicalRequestBytes',
      ],
    ]);
    expect(fields.StringToSign).toMatch(/^AWS4-HMAC-SHA256\n20130524T000000Z\n20130524\/us-east-1\//);
    expect(fields.CanonicalRequest).toMatch(/^GET\n\/Test.txt\n\nhost:examplebucket/);
    expect(fields.CanonicalRequestBytes).toMatch(/^47 45 54 0a 2f 54 /);
    expect(Buffer.from(fields.StringToSignBytes!.replaceAll(' ', ''), 'hex').toString()).toBe(
      fields.StringToSign,
    );
  });

  it('never shows an encryption key', () => {
    const name = 'x-amz-server-side-encryption-customer-key';
    const copyName = `x-amz-copy-source-server-side-encryption-customer-key`;
    const names = `host;${copyName};${name}`;
    const headers = {
      ...getObject.headers,
      [name]: 'c2VjcmV0LTE=',
      [copyName]: 'c2VjcmV0LTI=',
      Authorization: authorizationOf(names, '0'.repeat(64)),
    };
    const text = JSON.stringify(refusal({ ...getObject, headers }).fields);
    expect(text).toContain(`${name}:***`);
    for (const secret of ['c2VjcmV0LTE=', 'c2VjcmV0LTI=']) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(
        Buffer.from(secret)
          .toString('hex')
          .replace(/..(?=.)/g, '$& '),
      );
    }
  });

  it.each(['', '0', 'G'.repeat(64)])('may have any shape: "%s"', (signature) => {
    const code = signature === '' ? 'AuthorizationHeaderMalformed' : 'SignatureDoesNotMatch';
    const value = authorizationOf('host;range;x-amz-content-sha256;x-amz-date', signature);
    expect(refusal(withAuthorization(value)).code).toBe(code);
  });
});

describe('headers that are not signed', () => {
  it('may be anything but x-amz-*', () => {
    expect(accepted(withHeader('Content-Type', 'text/plain')).principal.kind).toBe('user');
  });

  it('are refused by name where they could change the request', () => {
    const headers = { ...getObject.headers, 'x-amz-copy-source': '/b/k', 'X-Amz-Acl': 'public-read' };
    expect(refusal({ ...getObject, headers })).toMatchObject({
      status: 403,
      code: 'AccessDenied',
      message: 'There were headers present in the request which were not signed',
      fields: { HeadersNotSigned: 'x-amz-copy-source, x-amz-acl' },
    });
  });
});
