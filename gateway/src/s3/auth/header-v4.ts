/**
 * Signature Version 4 in the Authorization header, checks in the order that gives S3's codes (S3-WIRE
 * 21-33).
 */
import { S3Error } from '../errors.ts';
import { knownCredential, principalOf } from './access-key.ts';
import { claimOf } from './claims.ts';
import { contentSha256, refuseEcdsa, requireContentSha256, signedPayloadMode } from './content-sha256.ts';
import { parseAmzDate, parseDateHeader, refuseSkew, type SignedTime } from './dates.ts';
import { parseScope, refuseOtherDay } from './scope.ts';
import { verifySignature } from './signature.ts';
import type { AuthDeps, Authenticated, AuthRequest } from './types.ts';

/** @throws S3Error */
export function authenticateHeader(
  request: AuthRequest,
  authorization: string,
  deps: AuthDeps,
): Authenticated {
  const { headers } = request;
  const claim = claimOf(authorization);
  const { signature, signedNames } = claim;
  const time = timeOf(request);
  const scope = claim.scope ?? parseScope('header', claim.credential);
  refuseOtherDay('header', scope, time);
  const user = knownCredential(deps, scope.accessKey, headers.get('x-amz-security-token'));
  refuseSkew(time, deps.clock.wallMs());
  const payloadHash = requireContentSha256(headers.get(contentSha256));
  refuseEcdsa(payloadHash);
  const { accessKey } = scope;
  const signingKey = deps.signingKeys.get(user.secretKey, scope.date, scope.region);
  const base = { accessKey, signingKey, amzDate: time.amzDate, scope: scope.scope };
  verifySignature(request, { ...base, signedNames, signature, payloadHash });
  claim.remember(scope);
  return {
    principal: principalOf(user, accessKey),
    payloadMode: signedPayloadMode(payloadHash, { ...base, seedSignature: signature }),
    effectiveHeaders: headers,
  };
}

/** `x-amz-date`, or `Date` where there is none. */
function timeOf({ headers }: AuthRequest): SignedTime {
  const amzDate = headers.get('x-amz-date');
  const time = amzDate === undefined ? parseDateHeader(headers.get('date') ?? '') : parseAmzDate(amzDate);
  if (time) return time;
  throw new S3Error('AccessDenied', {
    message: 'AWS authentication requires a valid Date or x-amz-date header.',
  });
}
