/**
 * What an Authorization header claims, but for the signature, is the same in all of a client's requests of a
 * day. It is parsed once and remembered, for those whose signature held.
 */
import { parseAuthorization } from './authorization-header.ts';
import type { CredentialScope } from './scope.ts';
import { type SignedNames, signedNamesOf } from './signature.ts';

export interface Claim {
  readonly scope: CredentialScope;
  readonly signedNames: SignedNames;
}

const claimsMax = 4096;
/** Longer ones are parsed each time: names of thousands of headers take a hundred times their bytes. */
const claimCharactersMax = 1024;
const signatureLength = 64;
const hexSignature = /^[0-9a-f]{64}$/;
const known = new Map<string, Claim>();

export interface ClaimedSignature {
  readonly signature: string;
  readonly signedNames: SignedNames;
  /** Parsed already, and well formed; otherwise `credential` is still to be looked at. */
  readonly scope: CredentialScope | undefined;
  readonly credential: string;
  /** To be called once the signature held. */
  remember(scope: CredentialScope): void;
}

/** @throws S3Error as `parseAuthorization` does */
export function claimOf(authorization: string): ClaimedSignature {
  const end = authorization.length - signatureLength;
  const last = authorization.slice(end);
  const isShort = end <= claimCharactersMax;
  const part = isShort && hexSignature.test(last) ? authorization.slice(0, end) : undefined;
  const claim = part === undefined ? undefined : known.get(part);
  if (claim) return { ...claim, signature: last, credential: '', remember: nothing };
  const { credential, signedHeaders, signature } = parseAuthorization(authorization);
  const signedNames = signedNamesOf(signedHeaders);
  // Equal fronts are parsed equally, whatever signature of this form is behind.
  const remember = (scope: CredentialScope): void => {
    if (part === undefined || signature !== last) return;
    if (known.size >= claimsMax) known.clear();
    known.set(part, { scope, signedNames });
  };
  return { scope: undefined, credential, signature, signedNames, remember };
}

function nothing(): void {}
