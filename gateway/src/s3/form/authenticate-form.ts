/**
 * Who made an upload form: whoever signed its policy, with Signature Version 4 or 2 (AWS "Authenticating
 * requests in browser-based uploads using POST").
 */
import { createHmac } from 'node:crypto';
import { hmacSha256Hex } from '@forebay/core/sigv4';
import { knownCredential, principalOf } from '../auth/access-key.ts';
import { severalMechanisms, unsupportedMechanism } from '../auth/authorization-header.ts';
import { parseAmzDate } from '../auth/dates.ts';
import { parseScope, refuseOtherDay } from '../auth/scope.ts';
import { equalSignatures, mismatch } from '../auth/signature.ts';
import type { AuthDeps } from '../auth/types.ts';
import { S3Error } from '../errors.ts';
import type { Principal } from '../types.ts';
import type { FormFields } from './form-fields.ts';

/** A form without a policy has no signer. @throws S3Error */
export function authenticateForm(fields: FormFields, deps: AuthDeps): Principal {
  const policy = fields.get('policy');
  if (policy === undefined) return { kind: 'anonymous' };
  const isV2 = fields.get('awsaccesskeyid') !== undefined || fields.get('signature') !== undefined;
  const isV4 =
    fields.get('x-amz-algorithm') ?? fields.get('x-amz-credential') ?? fields.get('x-amz-signature');
  if (isV2 && isV4 !== undefined) throw severalMechanisms('');
  return isV2 ? signedV2(fields, policy, deps) : signedV4(fields, policy, deps);
}

function signedV4(fields: FormFields, policy: string, deps: AuthDeps): Principal {
  const algorithm = fields.required('x-amz-algorithm', 'X-Amz-Algorithm');
  if (algorithm !== 'AWS4-HMAC-SHA256') {
    throw new S3Error('InvalidArgument', {
      message: 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"',
      fields: { ArgumentName: 'X-Amz-Algorithm', ArgumentValue: algorithm },
    });
  }
  const scope = parseScope('query', fields.required('x-amz-credential', 'X-Amz-Credential'));
  const sent = fields.required('x-amz-date', 'X-Amz-Date');
  const time = parseAmzDate(sent);
  if (!time) {
    throw new S3Error('InvalidArgument', {
      message: "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"",
      fields: { ArgumentName: 'X-Amz-Date', ArgumentValue: sent },
    });
  }
  refuseOtherDay('query', scope, time);
  const signature = fields.required('x-amz-signature', 'X-Amz-Signature');
  const { accessKey } = scope;
  const user = knownCredential(deps, accessKey, fields.get('x-amz-security-token'));
  const expected = hmacSha256Hex(deps.signingKeys.get(user.secretKey, scope.date, scope.region), policy);
  if (!equalSignatures(expected, signature)) throw mismatch({ accessKey, signature, stringToSign: policy });
  return principalOf(user, accessKey);
}

function signedV2(fields: FormFields, policy: string, deps: AuthDeps): Principal {
  if (deps.sigv2 === 'off') throw unsupportedMechanism();
  const accessKey = fields.required('awsaccesskeyid', 'AWSAccessKeyId');
  const signature = fields.required('signature', 'Signature');
  const user = knownCredential(deps, accessKey, fields.get('x-amz-security-token'));
  const expected = createHmac('sha1', user.secretKey).update(policy).digest('base64');
  if (!equalSignatures(expected, signature)) throw mismatch({ accessKey, signature, stringToSign: policy });
  return principalOf(user, accessKey);
}
