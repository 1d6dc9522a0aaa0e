/**
 * Who may use the admin API: the root key pair as HTTP Basic, or a Bearer token (DESIGN §6). Another token
 * opens /metrics and nothing else: what scrapes needs no power over the rest.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Context } from 'hono';

export interface AdminTokens {
  readonly token: string | undefined;
  readonly metricsToken: string | undefined;
}

export interface AdminCredentials extends AdminTokens {
  readonly accessKey: string;
  readonly secretKey: string;
}

/** Of the settings, what is a token of the admin port. */
export function tokensOf({ token, metricsToken }: AdminTokens): AdminTokens {
  return { token, metricsToken };
}

/** Judges an Authorization header in the same time whatever is wrong with it. */
export function adminVerifier(
  credentials: AdminCredentials,
): (authorization: string | undefined, path: string) => boolean {
  const basic = digest(`basic ${credentials.accessKey}:${credentials.secretKey}`);
  const bearer = bearerOf(credentials.token);
  const ofMetrics = bearerOf(credentials.metricsToken);
  return (authorization, path) => {
    const given = digest(presented(authorization) ?? '');
    const byBasic = timingSafeEqual(given, basic);
    const byBearer = bearer !== undefined && timingSafeEqual(given, bearer);
    const byMetrics = ofMetrics !== undefined && timingSafeEqual(given, ofMetrics);
    return byBasic || byBearer || (byMetrics && path === '/metrics');
  };
}

function bearerOf(token: string | undefined): Buffer | undefined {
  return token === undefined ? undefined : digest(`bearer ${token}`);
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

/** Whoever gets here has shown the root key pair or the token. */
export function whoAsks(c: Context): string {
  const basic = /^basic +(\S+)$/i.exec(c.req.header('authorization') ?? '');
  return basic ? Buffer.from(basic[1]!, 'base64').toString('utf8').split(':')[0]! : 'token';
}
