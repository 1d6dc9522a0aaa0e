/** A connection as the short way (short-way.ts) sees it. */
import type { Socket } from 'node:net';
import type { Exchange } from './exchange.ts';
import { type HeadTaker, type Parser, parserOf, takerOf } from './parser-hook.ts';

/** What waits for its answer on a connection on which nothing else has come. */
interface Waiting {
  readonly head: readonly unknown[];
  readonly exchange: Exchange;
}

type Take = (head: readonly unknown[], parser: Parser, connection: ShortConnection) => boolean;

export class ShortConnection implements HeadTaker {
  readonly socket: Socket;
  readonly #take: Take;
  waiting: Waiting | undefined = undefined;
  /** The exchange that goes on the usual way, until it is fetched there. */
  passedOn: Exchange | undefined = undefined;
  /** The socket has the time of one that waits for a next request, the shorter of the two. */
  isKeptAlive = false;

  constructor(socket: Socket, take: Take) {
    this.socket = socket;
    this.#take = take;
  }

  take(head: readonly unknown[], parser: Parser): boolean {
    return this.#take(head, parser, this);
  }

  keepAlive(timeoutMs: number): void {
    if (this.isKeptAlive) return;
    this.isKeptAlive = true;
    this.socket.setTimeout(timeoutMs);
  }

  /** Nothing is being sent or received on it, so that what is written now is the next answer. */
  isFree(parser: Parser): boolean {
    const { socket } = this;
    const { _httpMessage: answering } = socket as { _httpMessage?: object | null };
    return !answering && parser.incoming === null && socket.writableLength === 0 && socket.writable;
  }
}

export function connectionOf(socket: Socket): ShortConnection | undefined {
  const taker = takerOf(parserOf(socket));
  return taker instanceof ShortConnection && taker.socket === socket ? taker : undefined;
}
