import { emptySha256 } from '@forebay/core/sigv4';
import { describe, expect, it } from 'vitest';
import { exampleDate, refusal } from './auth-fixture.ts';

const refused = (Authorization: string) =>
  refusal({
    target: '/k',
    headers: { 'x-amz-content-sha256': emptySha256, 'x-amz-date': exampleDate, Authorization },
  });

describe('a malformed Authorization header', () => {
  const start = 'The authorization header is malformed; ';
  const credential = (text: string) =>
    `AWS4-HMAC-SHA256 Credential=${text}, SignedHeaders=host, Signature=${'0'.repeat(64)}`;

  it.each([
    [
      'Bearer',
      'InvalidArgument',
      "Authorization header is invalid -- one and only one ' ' (space) required.",
    ],
    ['Bearer x', 'InvalidArgument', 'Unsupported Authorization Type'],
    ['AWS4-ECDSA-P256-SHA256 Credential=a', 'InvalidArgument', 'Unsupported Authorization Type'],
    [
      'AWS AKID:sig',
      'InvalidRequest',
      'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.',
    ],
    [
      'AWS4-HMAC-SHA256 Credential=a',
      'AuthorizationHeaderMalformed',
      `${start}the authorization header requires three components: Credential, SignedHeaders, and Signature.`,
    ],
    [
      'AWS4-HMAC-SHA256 Credential=a, SignedHeaders, Signature=b',
      'AuthorizationHeaderMalformed',
      `${start}the authorization component "SignedHeaders" is malformed.`,
    ],
    [
      'AWS4-HMAC-SHA256 Credentials=a, SignedHeaders=h, Signature=b',
      'AuthorizationHeaderMalformed',
      `${start}missing Credential.`,
    ],
    [
      'AWS4-HMAC-SHA256 Credential=a, Signed=h, Signature=b',
      'AuthorizationHeaderMalformed',
      `${start}missing SignedHeaders.`,
    ],
    [
      'AWS4-HMAC-SHA256 Credential=a, SignedHeaders=h, Sig=b',
      'AuthorizationHeaderMalformed',
      `${start}missing Signature.`,
    ],
    [
      credential('AKID/20130524/s3/aws4_request'),
      'AuthorizationHeaderMalformed',
      `${start}the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`,
    ],
    [
      credential('AKID/2013-05-24/r/s3/aws4_request'),
      'AuthorizationHeaderMalformed',
      `${start}incorrect date format "2013-05-24". This date in the credential must be in the format "yyyyMMdd".`,
    ],
    [
      credential('AKID/20130524/r/ec2/aws4_request'),
      'AuthorizationHeaderMalformed',
      `${start}incorrect service "ec2". This endpoint belongs to "s3".`,
    ],
    [
      credential('AKID/20130524/r/s3/aws3_request'),
      'AuthorizationHeaderMalformed',
      `${start}incorrect terminal "aws3_request". This endpoint uses "aws4_request".`,
    ],
    [
      credential('AKID/20130523/r/s3/aws4_request'),
      'AuthorizationHeaderMalformed',
      `${start}Invalid credential date. Date is not the same as X-Amz-Date.`,
    ],
  ])('%s', (value, code, message) => {
    expect(refused(value)).toMatchObject({ status: 400, code, message });
  });

  it('is told with the value where only its shape is wrong', () => {
    expect(refused('Bearer').fields).toEqual({
      ArgumentName: 'Authorization',
      ArgumentValue: 'Bearer',
    });
  });
});
