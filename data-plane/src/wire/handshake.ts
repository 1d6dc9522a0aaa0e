/**
 * Who may speak: both sides prove that they hold the same secret, each over a random number of the other's,
 * and the secret itself never leaves a process. The client proves first, so that a node tells strangers
 * nothing to try secrets on. What follows is neither encrypted nor signed (docs/data-plane.md).
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { ProtocolError } from './frame.ts';

export const nonceBytes = 32;
export const clientIdBytes = 16;
const proofBytes = 32;
export const secretBytesMin = 16;

type Side = 'client' | 'node';

export interface Nonces {
  readonly client: Uint8Array;
  readonly node: Uint8Array;
}

export function makeNonce(): Buffer {
  return randomBytes(nonceBytes);
}

export function proofOf(secret: string, side: Side, { client, node }: Nonces): Buffer {
  return createHmac('sha256', secret)
    .update(`forebay data plane ${side}\0`)
    .update(client)
    .update(node)
    .digest();
}

export function isProof(given: Uint8Array, ...expected: Parameters<typeof proofOf>): boolean {
  return given.byteLength === proofBytes && timingSafeEqual(given, proofOf(...expected));
}

/** @throws Error where a secret is so short that it could be found by trying. */
export function checkSecret(secret: string): void {
  if (Buffer.byteLength(secret) < secretBytesMin) {
    throw new Error(`the secret of the data plane has at least ${secretBytesMin} bytes`);
  }
}

export interface Hello {
  readonly version: number;
  /** Of the client process: all its connections are one client's. */
  readonly clientId: Buffer;
  readonly nonce: Buffer;
}

export function helloOf({ version, clientId, nonce }: Hello): Buffer {
  return Buffer.concat([Buffer.of(version), clientId, nonce]);
}

/** @throws ProtocolError */
export function readHello(meta: Buffer): Hello {
  if (meta.length < 1) throw new ProtocolError('an empty hello');
  const version = meta[0]!;
  const nonceAt = 1 + clientIdBytes;
  const nonce = Buffer.from(meta.subarray(nonceAt, nonceAt + nonceBytes));
  return { version, clientId: Buffer.from(meta.subarray(1, nonceAt)), nonce };
}
