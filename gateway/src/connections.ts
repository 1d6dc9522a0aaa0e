/** Connections as a whole: those on which nothing moves, and the end of all of them. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Exchange } from './exchange.ts';

export interface Stalled {
  readonly socket: Socket;
  readonly exchange: Exchange | undefined;
  readonly idleTimeoutMs: number;
  /** Writes the answer to a client that sends no more of its body. */
  readonly refuse: () => void;
}

/**
 * Nothing went over the socket for the idle time. Where the client is to blame (it sends no request, no more
 * of its body, or does not read the answer) the connection is closed, and the client told where it can
 * still listen; where it waits for us it is left alone.
 */
export function closeStalled({ socket, exchange, idleTimeoutMs, refuse }: Stalled): void {
  if (exchange && waitsForUs(socket, exchange)) {
    socket.setTimeout(idleTimeoutMs);
    return;
  }
  const sendsBody = exchange && !exchange.incoming.complete && !exchange.outgoing.headersSent;
  if (!sendsBody || !socket.writable) {
    socket.destroy();
    return;
  }
  refuse();
  socket.destroySoon();
}

function waitsForUs(socket: Socket, { incoming, outgoing, expectsContinue, bodyAsked }: Exchange): boolean {
  if (outgoing.writableEnded || outgoing.writableLength > 0 || socket.writableLength > 0) return false;
  return incoming.complete || incoming.readableLength > 0 || (expectsContinue && !bodyAsked);
}

/** Counts those that are open, and knows those on which no request has come yet: Node counts them as busy. */
export class OpenConnections {
  readonly #silent = new Set<Socket>();
  readonly #open: { count: number };

  constructor(open: { count: number }) {
    this.#open = open;
  }

  opened(socket: Socket): void {
    this.#open.count += 1;
    this.#silent.add(socket);
    socket.once('close', () => {
      this.#open.count -= 1;
      this.#silent.delete(socket);
    });
  }

  spoke(socket: Socket): void {
    this.#silent.delete(socket);
  }

  /** The silent ones, but for those in the middle of a first request. */
  close(): void {
    for (const socket of this.#silent) if (socket.bytesRead === 0) socket.destroy();
  }
}

/**
 * Between answers a connection looks busy to `close()` until its keep-alive ends, so idle ones are closed by
 * hand.
 */
export function drainServer(server: Server, deadlineMs: number): Promise<void> {
  return new Promise((resolve) => {
    const sweep = setInterval(() => server.closeIdleConnections(), 100);
    const deadline = setTimeout(() => server.closeAllConnections(), deadlineMs);
    server.close(() => {
      clearInterval(sweep);
      clearTimeout(deadline);
      resolve();
    });
    server.closeIdleConnections();
  });
}
