/** Requests for tests of authentication, with the credentials and the time of AWS's published examples. */
import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { SigningKeys } from '@forebay/core/sigv4';
import { S3Error } from '../errors.ts';
import { RawHeaders } from '../headers.ts';
import { parseTarget } from '../raw-target.ts';
import { authenticate } from './authenticate.ts';
import type { AuthDeps, Authenticated, AuthRequest } from './types.ts';

export const accessKey = 'AKIAIOSFODNN7EXAMPLE';
export const secretKey = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
export const exampleMs = Date.UTC(2013, 4, 24);
export const exampleDate = '20130524T000000Z';
export const exampleScope = '20130524/us-east-1/s3/aws4_request';
export const exampleHost = 'examplebucket.s3.amazonaws.com';
export const domains = ['s3.amazonaws.com'];

export function authDeps(options: { nowMs?: number; sigv2?: AuthDeps['sigv2'] } = {}): AuthDeps {
  return {
    credentials: (key) => (key === accessKey ? { secretKey, name: 'root', permissions: 'all' } : undefined),
    clock: { wallMs: () => options.nowMs ?? exampleMs },
    sigv2: options.sigv2 ?? 'presigned',
    signingKeys: new SigningKeys(),
  };
}

export interface RequestParts {
  readonly method?: string;
  readonly target: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function requestOf(parts: RequestParts): AuthRequest {
  const host = parts.host ?? exampleHost;
  const headers = new RawHeaders(['Host', host, ...Object.entries(parts.headers ?? {}).flat()]);
  return { method: parts.method ?? 'GET', target: parseTarget(parts.target, host, domains), headers, host };
}

export function authorizationOf(signedHeaders: string, signature: string): string {
  return (
    `AWS4-HMAC-SHA256 Credential=${accessKey}/${exampleScope},SignedHeaders=${signedHeaders},` +
    `Signature=${signature}`
  );
}

/** What the attempt is refused with. */
export function refusalOf(attempt: () => unknown): S3Error {
  try {
    attempt();
  } catch (error) {
    if (error instanceof S3Error) return error;
    throw error;
  }
  throw new Error('it was not refused');
}

export function refusal(parts: RequestParts, deps: AuthDeps = authDeps()): S3Error {
  return refusalOf(() => authenticate(requestOf(parts), deps));
}

export function accepted(parts: RequestParts, deps: AuthDeps = authDeps()): Authenticated {
  return authenticate(requestOf(parts), deps);
}

/** For the independent signer. */
export class Sha256 {
  readonly #digest: Hash | Hmac;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#digest = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as Uint8Array);
  }
  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#digest.update(data as Uint8Array);
  }
  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.#digest.digest());
  }
}
