/**
 * The one callback of Node's HTTP parser that the short way (short-way.ts) takes over, and the way back. It
 * is none of Node's documented interfaces: where it is not as expected, nothing is taken over.
 */
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

/** Node's HTTPParser, as far as it is looked at here. */
export interface Parser {
  socket: Socket | null;
  /** The request whose body is being read. */
  incoming: object | null;
  [taker]?: HeadTaker | undefined;
  [hook: number]: unknown;
}

/** Who is shown each head first. Parsers are used again for other connections: `socket` is whose it is. */
export interface HeadTaker {
  readonly socket: Socket;
  /** @returns true: the head is dealt with, and Node makes nothing of it */
  take(head: readonly unknown[], parser: Parser): boolean;
}

type Hook = (this: Parser, ...head: unknown[]) => unknown;

const taker: unique symbol = Symbol('head taker');
let usual: Hook | undefined;

function dispatch(this: Parser, ...head: unknown[]): unknown {
  const takes = this[taker];
  if (takes && takes.socket === this.socket && takes.take(head, this)) return 0;
  return usual!.apply(this, head);
}

export function parserOf(socket: Socket): Parser | undefined {
  return (socket as { parser?: Parser | null }).parser ?? undefined;
}

/** False where Node's parser is not as it is known here. */
export function takeHeads(parser: Parser, by: HeadTaker): boolean {
  const { kOnHeadersComplete: hook } = parser.constructor as { kOnHeadersComplete?: unknown };
  if (typeof hook !== 'number') return false;
  const now = parser[hook];
  if (now !== dispatch) {
    if (typeof now !== 'function' || (usual && now !== usual)) return false;
    usual = now as Hook;
    parser[hook] = dispatch;
  }
  parser[taker] = by;
  return true;
}

export function takerOf(parser: Parser | undefined): HeadTaker | undefined {
  return parser?.[taker];
}

/** The socket is closed: what parses for another one stays. */
export function leaveHeads(parser: Parser, socket: Socket): void {
  if (parser[taker]?.socket === socket) parser[taker] = undefined;
}

/**
 * Node makes its streams of a head after all, of a request without a body that was taken and came to its end
 * since. The head of another one may be half parsed already, so the parser is not told of this end.
 */
export function handToNode(parser: Parser, head: readonly unknown[]): void {
  usual!.apply(parser, head as unknown[]);
  const incoming = parser.incoming as IncomingMessage | null;
  if (!incoming) return;
  incoming.complete = true;
  incoming.push(null);
}
