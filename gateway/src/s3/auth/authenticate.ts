/** Who sends a request, by whichever of the mechanisms it uses; only one may be there (S3-WIRE 22, 23). */
import { severalMechanisms } from './authorization-header.ts';
import { anonymousPayloadMode, contentSha256 } from './content-sha256.ts';
import { authenticateHeader } from './header-v4.ts';
import { authenticatePresignedV2, isPresignedV2 } from './presigned-v2.ts';
import { authenticatePresigned, isPresignedV4 } from './presigned-v4.ts';
import type { AuthDeps, Authenticated, AuthRequest } from './types.ts';

/**
 * Nothing signed at all is an anonymous request; whether it may do anything is for `authorise` to say.
 * @throws S3Error
 */
export function authenticate(request: AuthRequest, deps: AuthDeps): Authenticated {
  const { headers } = request;
  const authorization = headers.get('authorization');
  const presignedV4 = isPresignedV4(request);
  const presignedV2 = isPresignedV2(request);
  if (Number(authorization !== undefined) + Number(presignedV4) + Number(presignedV2) > 1) {
    throw severalMechanisms(authorization ?? '');
  }
  if (authorization !== undefined) return authenticateHeader(request, authorization, deps);
  if (presignedV4) return authenticatePresigned(request, deps);
  if (presignedV2) return authenticatePresignedV2(request, deps);
  return {
    principal: { kind: 'anonymous' },
    payloadMode: anonymousPayloadMode(headers.get(contentSha256)),
    effectiveHeaders: headers,
  };
}
