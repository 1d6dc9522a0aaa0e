/**
 * What the roles of one cluster derive from the secret that they share (`FOREBAY_CLUSTER_SECRET`): the bearer
 * token of calls under `/v1/`, and keys that seal secrets on their way and at rest. None of them tells the
 * secret or another one.
 */
import { createHash, hkdfSync, timingSafeEqual } from 'node:crypto';
import { ConfigError } from './config.ts';
import { SecretBox, secretBoxKeyBytes } from './secret-box.ts';

export const clusterSecretBytesMin = 16;

/** @throws ConfigError, which says how to make one and never tells a secret */
export function neededClusterSecret(secret: string | undefined): string {
  if (secret !== undefined && Buffer.byteLength(secret) >= clusterSecretBytesMin) return secret;
  const what = secret === undefined ? 'is not set' : `has fewer than ${clusterSecretBytesMin} bytes`;
  throw new ConfigError(
    `FOREBAY_CLUSTER_SECRET ${what}: all roles of a cluster share one; make it with "openssl rand -hex 32"`,
  );
}

/** `Authorization: Bearer TOKEN`. */
export function clusterTokenOf(secret: string): string {
  return Buffer.from(derived(secret, 'bearer')).toString('hex');
}

/** For what travels between roles. */
export function wireBoxOf(secret: string): SecretBox {
  return new SecretBox(derived(secret, 'wire'));
}

/** For what registries keep in a store that they share. */
export function recordBoxOf(secret: string): SecretBox {
  return new SecretBox(derived(secret, 'records'));
}

/** Judges an Authorization header in the same time whatever is wrong with it. */
export function clusterVerifier(secret: string): (authorization: string | undefined) => boolean {
  const wanted = digest(clusterTokenOf(secret));
  return (authorization) => {
    const given = /^bearer +([\x21-\x7e]+)$/i.exec(authorization ?? '')?.[1] ?? '';
    return timingSafeEqual(digest(given), wanted);
  };
}

function derived(secret: string, use: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', secret, 'forebay cluster', use, secretBoxKeyBytes));
}

/** Equal lengths are what a constant-time comparison needs. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
