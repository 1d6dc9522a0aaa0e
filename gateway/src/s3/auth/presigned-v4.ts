/** Links presigned with Signature Version 4 (S3-WIRE 36-45). */
import { S3Error } from '../errors.ts';
import { knownCredential, principalOf } from './access-key.ts';
import { checkContentSha256, contentSha256, plainMode } from './content-sha256.ts';
import { parseAmzDate, refuseExpired, type SignedTime } from './dates.ts';
import { hoistedHeaders } from './hoisted-headers.ts';
import { parseScope, refuseOtherDay } from './scope.ts';
import { signedNamesOf, verifySignature } from './signature.ts';
import type { AuthDeps, Authenticated, AuthRequest } from './types.ts';

const names = [
  'x-amz-algorithm',
  'x-amz-credential',
  'x-amz-signature',
  'x-amz-date',
  'x-amz-signedheaders',
  'x-amz-expires',
] as const;
type Name = (typeof names)[number];

const expiresSecondsMax = 604_800;
const presigningName = /^x-amz-(algorithm|credential|signature)$/i;

/** Whether the query speaks of Version 4: incomplete links are errors, not anonymous requests. */
export function isPresignedV4({ target }: AuthRequest): boolean {
  return target.query.entries.some(([name]) => presigningName.test(name));
}

/** @throws S3Error */
export function authenticatePresigned(request: AuthRequest, deps: AuthDeps): Authenticated {
  const given = parametersOf(request);
  const parameter = (name: Name): string => given.get(name)!;
  refuseOtherAlgorithm(parameter('x-amz-algorithm'));
  const scope = parseScope('query', parameter('x-amz-credential'));
  const time = timeOf(parameter('x-amz-date'));
  refuseOtherDay('query', scope, time);
  const expiresSeconds = expiresOf(parameter('x-amz-expires'));
  const { accessKey } = scope;
  const token = given.get('x-amz-security-token') ?? request.headers.get('x-amz-security-token');
  const user = knownCredential(deps, accessKey, token);
  refuseExpired(time, expiresSeconds, deps.clock.wallMs());
  const hash = request.headers.get(contentSha256);
  if (hash !== undefined) checkContentSha256(hash);
  verifySignature(request, {
    accessKey,
    signingKey: deps.signingKeys.get(user.secretKey, scope.date, scope.region),
    amzDate: time.amzDate,
    scope: scope.scope,
    signedNames: signedNamesOf(parameter('x-amz-signedheaders')),
    signature: parameter('x-amz-signature'),
    payloadHash: hash ?? 'UNSIGNED-PAYLOAD',
  });
  return {
    principal: principalOf(user, accessKey),
    payloadMode: plainMode(hash),
    effectiveHeaders: request.headers.with(hoistedHeaders(request.target.query)),
  };
}

/** By lower-case name, the first of equal ones: names differ in case among clients. */
function parametersOf({ target }: AuthRequest): ReadonlyMap<string, string> {
  const given = new Map<string, string>();
  for (const [name, value] of target.query.entries) {
    const lower = name.toLowerCase();
    if (lower.startsWith('x-amz-') && !given.has(lower)) given.set(lower, value);
  }
  if (names.every((name) => given.get(name))) return given;
  throw queryError(
    'Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, ' +
      'X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.',
  );
}

function refuseOtherAlgorithm(algorithm: string): void {
  if (algorithm === 'AWS4-HMAC-SHA256') return;
  // S3's own words, which name the one that is not served here either.
  throw queryError('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"');
}

function timeOf(text: string): SignedTime {
  const time = parseAmzDate(text);
  if (time) return time;
  throw queryError("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"");
}

function expiresOf(text: string): number {
  if (!/^-?\d+$/.test(text)) throw queryError('X-Amz-Expires should be a number');
  if (text.startsWith('-')) throw queryError('X-Amz-Expires must be non-negative');
  const seconds = Number(text);
  if (seconds <= expiresSecondsMax) return seconds;
  throw queryError(
    'X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than ' +
      `${expiresSecondsMax} seconds`,
  );
}

function queryError(message: string): S3Error {
  return new S3Error('AuthorizationQueryParametersError', { message });
}
