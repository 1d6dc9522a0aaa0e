import { describe, expect, it } from 'vitest';
import { accepted, authorizationOf, refusal } from './auth-fixture.ts';

describe('several mechanisms at once', () => {
  const headers = { Authorization: authorizationOf('host', '0'.repeat(64)) };

  it.each(['X-Amz-Algorithm=AWS4-HMAC-SHA256', 'Signature=x', 'x-amz-signature=x'])('%s', (query) => {
    expect(refusal({ target: `/k?${query}`, headers })).toMatchObject({
      status: 400,
      code: 'InvalidArgument',
      message: expect.stringMatching(/^Only one auth mechanism allowed; /),
    });
  });

  it('are refused in a query as well', () => {
    expect(refusal({ target: '/k?X-Amz-Algorithm=a&Signature=b' }).code).toBe('InvalidArgument');
  });
});

describe('a request that nobody signed', () => {
  it('is anonymous, with a plain body or an unsigned chunked one', () => {
    expect(accepted({ target: '/k' })).toMatchObject({
      principal: { kind: 'anonymous' },
      payloadMode: { kind: 'unsigned' },
    });
    const headers = { 'x-amz-content-sha256': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER' };
    expect(accepted({ target: '/k', headers }).payloadMode.kind).toBe('streaming');
  });

  it('cannot have signed chunks', () => {
    const headers = { 'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD' };
    expect(refusal({ target: '/k', headers }).code).toBe('AccessDenied');
  });
});
