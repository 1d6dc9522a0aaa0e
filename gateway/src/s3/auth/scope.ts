/** The credential of a Version 4 signature: `AKID/yyyyMMdd/region/s3/aws4_request` (S3-WIRE 23, 24, 40). */
import { S3Error } from '../errors.ts';
import type { SignedTime } from './dates.ts';

export interface CredentialScope {
  readonly accessKey: string;
  /** `yyyyMMdd` */
  readonly date: string;
  /** Any is accepted, the empty one too: clients are configured with arbitrary regions. */
  readonly region: string;
  /** Without the access key, as it stands in the string to sign. */
  readonly scope: string;
}

/** Headers and query tell the same faults with other words. */
export type CredentialSource = 'header' | 'query';

const prefix = {
  header: 'The authorization header is malformed; ',
  query: 'Error parsing the X-Amz-Credential parameter; ',
} as const;
const code = {
  header: 'AuthorizationHeaderMalformed',
  query: 'AuthorizationQueryParametersError',
} as const;

/** @throws S3Error AuthorizationHeaderMalformed, AuthorizationQueryParametersError */
export function parseScope(source: CredentialSource, credential: string): CredentialScope {
  const parts = credential.split('/');
  if (parts.length !== 5) {
    throw malformed(
      source,
      'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".',
    );
  }
  const [accessKey, date, region, service, terminal] = parts as [string, string, string, string, string];
  if (!/^\d{8}$/.test(date)) {
    throw malformed(
      source,
      `incorrect date format "${date}". This date in the credential must be in the format "yyyyMMdd".`,
    );
  }
  if (service !== 's3') {
    throw malformed(source, `incorrect service "${service}". This endpoint belongs to "s3".`);
  }
  if (terminal !== 'aws4_request') {
    throw malformed(source, `incorrect terminal "${terminal}". This endpoint uses "aws4_request".`);
  }
  return { accessKey, date, region, scope: `${date}/${region}/${service}/${terminal}` };
}

/** @throws S3Error where the scope is of another day than the signature */
export function refuseOtherDay(source: CredentialSource, scope: CredentialScope, time: SignedTime): void {
  if (time.amzDate.startsWith(scope.date)) return;
  if (source === 'header') {
    throw malformed(source, 'Invalid credential date. Date is not the same as X-Amz-Date.');
  }
  throw new S3Error(code.query, {
    message: `Invalid credential date "${scope.date}". This date is not the same as X-Amz-Date: "${time.sent}".`,
  });
}

function malformed(source: CredentialSource, message: string): S3Error {
  return new S3Error(code[source], { message: `${prefix[source]}${message}` });
}
