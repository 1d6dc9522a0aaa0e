/** Whose access key it is. */
import { S3Error } from '../errors.ts';
import type { Principal } from '../types.ts';
import type { AuthDeps, Credential } from './types.ts';

/** @throws S3Error InvalidAccessKeyId; InvalidToken for any session token, since none is ever issued here */
export function knownCredential(deps: AuthDeps, accessKey: string, token: string | undefined): Credential {
  const credential = deps.credentials(accessKey);
  if (!credential) throw new S3Error('InvalidAccessKeyId', { fields: { AWSAccessKeyId: accessKey } });
  if (token !== undefined) throw new S3Error('InvalidToken');
  return credential;
}

export function principalOf({ name, permissions }: Credential, accessKey: string): Principal {
  return { kind: 'user', name, accessKey, permissions };
}
