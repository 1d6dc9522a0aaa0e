/** One input over one connection, to its answer or its end. */
import { connect } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { FuzzInput } from './input.ts';
import { answersIn } from './judge.ts';

export interface Outcome {
  readonly received: Buffer;
  /** `hung`: neither an answer nor an end came in time. `refused`: there was no connection. */
  readonly end: 'answered' | 'closed' | 'left' | 'hung' | 'refused';
}

export function send(port: number, input: FuzzInput, deadlineMs: number): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const received: Buffer[] = [];
    const finish = (end: Outcome['end']) => {
      clearTimeout(deadline);
      socket.destroy();
      resolve({ received: Buffer.concat(received), end });
    };
    const deadline = setTimeout(() => finish('hung'), deadlineMs);
    let connected = false;
    socket.on('connect', () => {
      connected = true;
      void write().then(() => {
        if (input.finish === 'reset') finish('left');
        else if (input.finish === 'half-close') socket.end();
      });
    });
    socket.on('data', (bytes) => {
      received.push(bytes);
      if (input.finish !== 'wait') return;
      if (answersIn(Buffer.concat(received), input.isHead === true).answers.length > 0) finish('answered');
    });
    socket.on('end', () => finish('closed'));
    socket.on('close', () => finish('closed'));
    socket.on('error', () => finish(connected ? 'closed' : 'refused'));

    async function write(): Promise<void> {
      for (const piece of input.pieces) {
        if (socket.destroyed) return;
        socket.write(piece);
        if (input.paceMs !== undefined) await wait(input.paceMs);
      }
    }
  });
}
