/**
 * The head of an answer and what a socket takes at once of a body that has come whole from another process:
 * no streams, no copy of what lies with the system, and no wait. What is left then goes the usual way
 * (body-writer.ts).
 */
import type { Socket } from 'node:net';
import type { HeldBody } from '@forebay/core/pieces';
import { descriptorOf } from '@forebay/core/socket-descriptor';
import type { Syscalls } from '@forebay/core/syscalls';

export interface HeldAnswer {
  readonly socket: Socket;
  readonly calls: Syscalls;
  /** Begins with the head; behind it is room for the first piece. */
  readonly scratch: Buffer;
  readonly headBytes: number;
  readonly body: HeldBody;
  readonly lengthBytes: number;
}

export interface HeldStart {
  readonly bodyBytes: number;
  readonly isWhole: boolean;
}

/** The head is with the system or in Node's buffers then. Undefined: nothing is sent. */
export function startHeld(answer: HeldAnswer): HeldStart | undefined {
  const { socket, calls, scratch, headBytes, body, lengthBytes } = answer;
  const descriptor = descriptorOf(socket);
  if (descriptor === undefined) return undefined;
  const first = body.nextBytes(Math.min(lengthBytes, scratch.length - headBytes));
  if (first) scratch.set(first, headBytes);
  const firstBytes = first?.byteLength ?? 0;
  const begin = scratch.subarray(0, headBytes + firstBytes);
  // In one packet with what follows it.
  const sent = Math.max(0, calls.sendMore(descriptor, begin));
  if (sent < begin.length) {
    socket.write(Buffer.from(begin.subarray(sent)));
    return { bodyBytes: firstBytes, isWhole: false };
  }
  let bodyBytes = firstBytes;
  while (bodyBytes < lengthBytes) {
    const passed = body.passOn(descriptor);
    if (passed === 0) return { bodyBytes, isWhole: false };
    bodyBytes += passed;
  }
  void body.return?.().catch(() => {});
  return { bodyBytes, isWhole: true };
}
