/** Connections as a whole: those on which nothing moves, and the end of all of them. */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Exchange } from './exchange.ts';

/**
 * Nothing went over the socket for the idle time. Where the client is to blame (it sends no request, no more
 * of its body, or does not read the answer) the connection is closed; where it waits for us it is left
 * alone.
 */
export function closeStalled(socket: Socket, exchange: Exchange | undefined, idleTimeoutMs: number): void {
  if (exchange && waitsForUs(socket, exchange)) socket.setTimeout(idleTimeoutMs);
  else socket.destroy();
}

function waitsForUs(socket: Socket, { incoming, outgoing, expectsContinue, bodyAsked }: Exchange): boolean {
  if (outgoing.writableEnded || outgoing.writableLength > 0 || socket.writableLength > 0) return false;
  return incoming.complete || incoming.readableLength > 0 || (expectsContinue && !bodyAsked);
}

/** Connections on which no request has come yet: Node counts them as busy. */
export class SilentConnections {
  readonly #sockets = new Set<Socket>();

  opened(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
  }

  spoke(socket: Socket): void {
    this.#sockets.delete(socket);
  }

  /** All but those in the middle of a first request. */
  close(): void {
    for (const socket of this.#sockets) if (socket.bytesRead === 0) socket.destroy();
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
