/** Who may use the admin API: the root key pair as HTTP Basic, or a Bearer token (DESIGN §6). */
import { createHash, timingSafeEqual } from 'node:crypto';

export interface AdminCredentials {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly token: string | undefined;
}

/** Judges an Authorization header in the same time whatever is wrong with it. */
export function adminVerifier(credentials: AdminCredentials): (authorization: string | undefined) => boolean {
  const basic = digest(`basic ${credentials.accessKey}:${credentials.secretKey}`);
  const bearer = credentials.token === undefined ? undefined : digest(`bearer ${credentials.token}`);
  return (authorization) => {
    const given = digest(presented(authorization) ?? '');
    const byBasic = timingSafeEqual(given, basic);
    const byBearer = bearer !== undefined && timingSafeEqual(given, bearer);
    return byBasic || byBearer;
  };
}

function presented(authorization: string | undefined): string | undefined {
  const match = /^(basic|bearer) +([\x21-\x7e]+)$/i.exec(authorization ?? '');
  if (!match) return undefined;
  const scheme = match[1]!.toLowerCase();
  return `${scheme} ${scheme === 'basic' ? Buffer.from(match[2]!, 'base64').toString('utf8') : match[2]}`;
}

/** Equal lengths are what a constant-time comparison needs. */
function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
