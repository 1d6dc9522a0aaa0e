/** What a fuzz input is: bytes for one connection, how they go out, and what the client does then. */

import type { Random } from '../support/random.ts';
import type { S3Endpoint } from '../support/servers.ts';
import { type SignedCall, signCall, type WireCall } from '../support/wire-client.ts';

export interface FuzzInput {
  readonly pieces: readonly Buffer[];
  /** Between pieces; none: they go out together. */
  readonly paceMs?: number;
  /**
   * `wait`: the client waits for one answer, or for the end. `linger`: it waits for the end. `half-close`: it
   * says that it sends no more, and reads to the end. `reset`: it is gone at once.
   */
  readonly finish: 'wait' | 'linger' | 'half-close' | 'reset';
  /** Its answer has no body, whatever the headers say. */
  readonly isHead?: boolean;
}

export interface FuzzContext {
  readonly random: Random;
  readonly server: S3Endpoint;
  /** Uploads that exist: key and id. */
  readonly uploads: readonly (readonly [key: string, uploadId: string])[];
}

export type Generator = (context: FuzzContext) => FuzzInput;

export const bucket = 'fuzz';

const keys = ['k0', 'k1', 'k2', 'dir/k3', 'dir/', 'a b+c%', 'é/ﬁ', '../up', 'dir//x', '.', 'k'.repeat(300)];

export function keyOf({ random }: FuzzContext): string {
  return random.pick(keys);
}

export function finishOf(random: Random): FuzzInput['finish'] {
  const chance = random.next();
  return chance < 0.75 ? 'wait' : chance < 0.92 ? 'half-close' : 'reset';
}

/** Head and body of a request as they go on the wire. */
export function wireOf(
  { method, target, headers }: SignedCall,
  body: Uint8Array = new Uint8Array(0),
): Buffer {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([
    Buffer.from(`${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`, 'latin1'),
    body,
  ]);
}

/** Signed right, whatever it says. Header values must be such that a head can hold them. */
export function signed({ server }: FuzzContext, call: WireCall): Buffer {
  const headers = Object.fromEntries(
    Object.entries(call.headers ?? {}).map(([name, value]) => [name, headerText(value)]),
  );
  return wireOf(signCall(server, { ...call, headers }), call.body);
}

/** What a head can hold of a text: its UTF-8, one character per byte, without control characters. */
function headerText(value: string): string {
  return Buffer.from(value.replace(/(?!\t)\p{Cc}/gu, ''))
    .toString('latin1')
    .trim();
}

/** Cut at random places. */
export function cut(random: Random, body: Buffer, cutsMax: number): Buffer[] {
  const points = Array.from({ length: random.int(cutsMax + 1) }, () => random.int(body.length + 1));
  const sorted = [0, ...points.sort((a, b) => a - b), body.length];
  return sorted.slice(1).map((end, index) => body.subarray(sorted[index], end));
}
