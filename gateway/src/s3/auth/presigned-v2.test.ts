import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { accepted, accessKey, authDeps, refusal, secretKey } from './auth-fixture.ts';

const expires = 1175139620;
const deps = authDeps({ nowMs: expires * 1000 - 1 });
const johnsmith = 'johnsmith.s3.amazonaws.com';

/** AWS's published example. */
const published = {
  host: johnsmith,
  target: `/photos/puppy.jpg?AWSAccessKeyId=${accessKey}&Signature=NpgCjnDzrM%2BWFzoENXmpNDUsSn8%3D&Expires=${expires}`,
};

/** A link whose string to sign the test writes down itself. */
function link(request: {
  method?: string;
  path: string;
  query?: string;
  signed: readonly string[];
  headers?: Record<string, string>;
}) {
  const signature = createHmac('sha1', secretKey).update(request.signed.join('\n')).digest('base64');
  const query = `${request.query ? `${request.query}&` : ''}AWSAccessKeyId=${accessKey}&Expires=${expires}`;
  return {
    method: request.method ?? 'GET',
    host: '127.0.0.1:9000',
    target: `${request.path}?${query}&Signature=${encodeURIComponent(signature)}`,
    headers: request.headers ?? {},
  };
}

describe('a link signed with version 2', () => {
  it('holds for the published example', () => {
    expect(accepted(published, deps)).toMatchObject({
      principal: { kind: 'user', accessKey },
      payloadMode: { kind: 'unsigned' },
    });
  });

  it('is refused where the operator turned it off', () => {
    const off = authDeps({ nowMs: expires * 1000 - 1, sigv2: 'off' });
    expect(refusal(published, off)).toMatchObject({
      code: 'InvalidRequest',
      message: 'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.',
    });
  });

  it('that does not match is told without the customer key that came with it', () => {
    const name = 'x-amz-server-side-encryption-customer-key';
    const { fields } = refusal({ ...published, headers: { [name]: 'hidden' } }, deps);
    expect(fields.StringToSign).toContain(`${name}:***`);
    expect(JSON.stringify(fields)).not.toContain('hidden');
    const bytes = Buffer.from(fields.StringToSignBytes!.replaceAll(' ', ''), 'hex').toString();
    expect(bytes).toBe(fields.StringToSign);
  });

  it('expires', () => {
    expect(refusal(published, authDeps({ nowMs: expires * 1000 }))).toMatchObject({
      status: 403,
      code: 'AccessDenied',
      message: 'Request has expired',
      fields: { Expires: '2007-03-29T03:40:20Z', ServerTime: '2007-03-29T03:40:20Z' },
    });
    const never = { ...published, target: published.target.replace(String(expires), 'never') };
    expect(refusal(never, deps).message).toBe('Invalid date (should be seconds since epoch): never');
  });

  it.each(['AWSAccessKeyId', 'Signature', 'Expires'])('needs %s', (name) => {
    const target = published.target.replace(`${name}=`, 'x=');
    expect(refusal({ ...published, target }, deps)).toMatchObject({
      code: 'AccessDenied',
      message: 'Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters',
    });
  });

  it('is bound to method and path', () => {
    for (const change of [{ method: 'PUT' }, { target: published.target.replace('puppy', 'kitty') }]) {
      expect(refusal({ ...published, ...change }, deps)).toMatchObject({
        code: 'SignatureDoesNotMatch',
        fields: { AWSAccessKeyId: accessKey, SignatureProvided: 'NpgCjnDzrM+WFzoENXmpNDUsSn8=' },
      });
    }
  });

  it('refuses unknown keys', () => {
    const target = published.target.replace(accessKey, 'AKIASTRANGER');
    expect(refusal({ ...published, target }, deps).code).toBe('InvalidAccessKeyId');
  });

  it('keeps headers in the query the way boto3 does', () => {
    const request = link({
      method: 'PUT',
      path: '/lake/a%20b%2Bc',
      query: 'x-amz-meta-k=v&x-amz-acl=private&content-type=text%2Fplain',
      signed: [
        'PUT',
        '',
        'text/plain',
        String(expires),
        'x-amz-acl:private',
        'x-amz-meta-k:v',
        '/lake/a%20b%2Bc',
      ],
    });
    const { effectiveHeaders } = accepted(request, deps);
    expect(effectiveHeaders.withPrefix('x-amz-')).toEqual([
      ['x-amz-meta-k', 'v'],
      ['x-amz-acl', 'private'],
    ]);
    expect(effectiveHeaders.get('content-type')).toBe('text/plain');
    // A client may send as a header as well what its link says, and nothing else.
    const send = (headers: Record<string, string>) => ({ ...request, headers });
    expect(accepted(send({ 'x-amz-meta-k': 'v' }), deps).effectiveHeaders.get('x-amz-meta-k')).toBe('v');
    expect(refusal(send({ 'x-amz-meta-k': 'w' }), deps).code).toBe('SignatureDoesNotMatch');
  });

  it('signs sub-resources and response overrides, sorted and decoded', () => {
    const resource = '/lake/k?response-content-type=text/plain&uploadId=u+1&uploads&versionId=v';
    const request = link({
      path: '/lake/k',
      query: 'versionId=v&uploads&uploadId=u%2B1&response-content-type=text%2Fplain&prefix=x',
      signed: ['GET', '', '', String(expires), resource],
    });
    expect(accepted(request, deps).principal.kind).toBe('user');
  });

  it.each(['uploads', 'legal-hold', 'retention', 'tagging', 'delete', 'partNumber=1', 'versionId=v'])(
    'cannot be turned into another operation by adding %s',
    (parameter) => {
      const target = `${published.target}&${parameter}`;
      expect(refusal({ ...published, target }, deps).code).toBe('SignatureDoesNotMatch');
    },
  );

  it('cannot be given further x-amz-* headers', () => {
    const headers = { 'x-amz-copy-source': '/b/secret' };
    expect(refusal({ ...published, headers }, deps).code).toBe('SignatureDoesNotMatch');
  });
});
