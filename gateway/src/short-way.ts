/**
 * The short way of requests whose answer is at hand: from the parser's head straight to the socket, in one
 * tick and one write. Node's parser stays, with its limits and its timeouts; what is left out is the pair of
 * streams that Node makes of every request, which costs as much as all else that a hit needs. Whatever the
 * short way cannot do, or not yet, goes Node's usual way, with what was found out already (Exchange).
 *
 * The parser's hook is none of Node's documented interfaces. Where it is not as expected, every request goes
 * the usual way; gateway-short-way.test.ts says whether it is, and that both ways give the same bytes.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '@forebay/core/clock';
import { isSliced, type SlicedBody } from '@forebay/core/pieces';
import { syscalls } from '@forebay/core/syscalls';
import { Exchange } from './exchange.ts';
import type { HeadText } from './head-text.ts';
import type { Observer } from './observer.ts';
import { isBodiless, lengthOf } from './s3/answer.ts';
import type { S3Answer } from './s3/types.ts';
import { isSlice, nextPieceOf, ResumedBody, startSliced } from './sliced-start.ts';

/** llhttp's numbers. */
const methods: Readonly<Record<number, string>> = { 1: 'GET', 2: 'HEAD' };

/** Node's HTTPParser, as far as it is looked at here. */
interface Parser {
  socket: Socket | null;
  /** The request whose body is being read. */
  incoming: object | null;
  [way]?: Connection | undefined;
  [hook: number]: unknown;
}

type Hook = (this: Parser, ...head: unknown[]) => unknown;

const way: unique symbol = Symbol('short way');

/** One connection. */
interface Connection {
  readonly socket: Socket;
  readonly take: (head: readonly unknown[], parser: Parser, connection: Connection) => boolean;
  /** The exchange that goes on the usual way, until it is fetched there. */
  passedOn: Exchange | undefined;
  /** The socket waits for a next request, for the shorter of the two times. */
  isKeptAlive: boolean;
}

export interface ShortWayOptions {
  /** The answer, where nothing has to be waited for. */
  readonly answerNow: (exchange: Exchange) => S3Answer | undefined;
  readonly headText: HeadText;
  readonly observer: Observer;
  /** Told of faults of ours. */
  readonly onDefect: (exchange: Exchange, error: unknown) => void;
  readonly requestsInFlightMax: number;
  /** Parts of files go to the socket without a copy, where the system can. */
  readonly zeroCopy: boolean;
  readonly idleTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly clock: Clock;
}

/** Node waits this much longer than it says. */
const keepAliveGraceMs = 1000;
/** Larger bodies are written as they are, behind their head. */
const copiedBytesMax = 32 * 1024;
const headBytesMax = 32 * 1024;

export class ShortWay {
  readonly #options: ShortWayOptions;
  /** Answers are put together here. One that the system did not take whole keeps it. */
  #scratch = Buffer.allocUnsafeSlow(copiedBytesMax + headBytesMax);
  readonly #unflushed = new Set<Socket>();
  #isOpen = true;

  constructor(options: ShortWayOptions) {
    this.#options = options;
  }

  /** From now on all requests go the usual way. */
  close(): void {
    this.#isOpen = false;
  }

  /** To be called for each new connection, when Node has given it a parser. */
  adopt(socket: Socket): void {
    const { parser } = socket as { parser?: Parser | null };
    if (!parser || !hookInto(parser)) return;
    parser[way] = { socket, take: this.#take, passedOn: undefined, isKeptAlive: false };
    socket.once('close', () => {
      if (parser[way]?.socket === socket) parser[way] = undefined;
      this.#unflushed.delete(socket);
    });
  }

  /** What was found out of the request that Node has just made streams for. */
  passedOn(socket: Socket): Exchange | undefined {
    const connection = (socket as { parser?: Parser | null }).parser?.[way];
    const exchange = connection?.passedOn;
    if (connection) connection.passedOn = undefined;
    return exchange;
  }

  /** Keeps the server from closing connections as idle whose last answer is still on its way. */
  guard(server: Server): void {
    const closeIdle = server.closeIdleConnections;
    server.closeIdleConnections = () => {
      if (this.#unflushed.size === 0) closeIdle.call(server);
    };
  }

  /** True: the request is answered. */
  readonly #take = (head: readonly unknown[], parser: Parser, connection: Connection): boolean => {
    const [major, minor, rawHeaders, methodNumber, target, , , upgrade, keepAlive] = head;
    const { observer, requestsInFlightMax, clock } = this.#options;
    const { socket } = connection;
    connection.passedOn = undefined;
    const method = methods[methodNumber as number];
    const isShort =
      this.#isOpen &&
      method !== undefined &&
      major === 1 &&
      minor === 1 &&
      keepAlive === true &&
      !upgrade &&
      rawHeaders !== undefined &&
      typeof target === 'string' &&
      isFree(socket, parser) &&
      observer.inFlight < requestsInFlightMax;
    if (!isShort) return this.#leave(connection);
    const exchange = new Exchange(
      { method, target, rawHeaders: rawHeaders as string[], isHttp11: true, socket },
      clock,
    );
    observer.begin();
    if (!this.#isAnswered(connection, exchange)) {
      observer.passOn();
      connection.passedOn = exchange;
      return this.#leave(connection);
    }
    try {
      observer.end(exchange);
    } catch (error) {
      this.#options.onDefect(exchange, error);
    }
    return true;
  };

  /** Never throws: thrown into the parser an error would be the end of the process. */
  #isAnswered(connection: Connection, exchange: Exchange): boolean {
    try {
      const answer = this.#options.answerNow(exchange);
      if (answer && this.#write(connection, exchange, answer)) return true;
      exchange.answer ??= answer;
      return false;
    } catch (error) {
      this.#options.onDefect(exchange, error);
      // What went out nobody knows.
      connection.socket.destroy();
      return true;
    }
  }

  /** Node's way begins with Node's time. */
  #leave(connection: Connection): false {
    if (connection.isKeptAlive) connection.socket.setTimeout(this.#options.idleTimeoutMs);
    connection.isKeptAlive = false;
    return false;
  }

  /** False where there is more to do: the head has to be Node's, or the body is not all at hand. */
  #write(connection: Connection, exchange: Exchange, answer: S3Answer): boolean {
    const { body, status, chunked, late } = answer;
    if (chunked || late) return false;
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    if (bytes !== undefined && !(bytes instanceof Uint8Array)) {
      return isSliced(bytes) && this.#writeSliced(connection, exchange, { answer, body: bytes });
    }
    const text = this.#options.headText.of(exchange.id, answer, bytes?.length ?? 0);
    if (text === undefined || text.length > headBytesMax) return false;
    const isSent = bytes !== undefined && exchange.head.method !== 'HEAD' && !isBodiless(status);
    this.#over(exchange, answer, isSent ? bytes.length : 0);
    this.#send(connection, text, isSent ? bytes : undefined);
    return true;
  }

  /** False where something of the body is left, and then the exchange says what. */
  #writeSliced(
    connection: Connection,
    exchange: Exchange,
    { answer, body }: { readonly answer: S3Answer; readonly body: SlicedBody },
  ): boolean {
    const calls = this.#options.zeroCopy ? syscalls() : undefined;
    const text = calls && this.#options.headText.of(exchange.id, answer, 0);
    if (!text || text.length > headBytesMax || exchange.head.method === 'HEAD') return false;
    const lengthBytes = lengthOf(answer, body);
    if (Number.isNaN(lengthBytes)) return false;
    const first = nextPieceOf(body);
    if (first instanceof Uint8Array && first.length === lengthBytes && first.length <= copiedBytesMax) {
      this.#over(exchange, answer, lengthBytes);
      this.#send(connection, text, first);
      void body.return?.().catch(() => {});
      return true;
    }
    if (!isSlice(first)) {
      exchange.answer = { ...answer, body: new ResumedBody(first, body) };
      return false;
    }
    const { socket } = connection;
    const head = this.#scratch.subarray(0, this.#scratch.write(text, 'latin1'));
    const started = startSliced({ socket, calls: calls!, head, first, body, lengthBytes });
    if (!started) return false;
    const { bodyBytes, rest } = started;
    if (!rest) {
      this.#over(exchange, answer, bodyBytes);
      this.#keepAlive(connection);
      return true;
    }
    exchange.begunBytes = bodyBytes;
    exchange.answer = { ...answer, body: rest };
    return false;
  }

  #over(exchange: Exchange, { status, cache }: S3Answer, bodyBytes: number): void {
    exchange.cache = cache;
    exchange.status = status;
    exchange.sent = { bodyBytes, end: 'whole' };
  }

  #send(connection: Connection, head: string, body: Uint8Array | undefined): void {
    const { socket } = connection;
    const scratch = this.#scratch;
    const headBytes = scratch.write(head, 'latin1');
    if (!body) socket.write(scratch.subarray(0, headBytes));
    else if (body.length <= copiedBytesMax) {
      scratch.set(body, headBytes);
      socket.write(scratch.subarray(0, headBytes + body.length));
    } else {
      socket.cork();
      socket.write(scratch.subarray(0, headBytes));
      socket.write(body);
      socket.uncork();
    }
    if (socket.writableLength > 0) this.#onUnflushed(connection);
    else this.#keepAlive(connection);
  }

  #keepAlive(connection: Connection): void {
    if (connection.isKeptAlive) return;
    connection.isKeptAlive = true;
    connection.socket.setTimeout(this.#options.keepAliveTimeoutMs + keepAliveGraceMs);
  }

  /** The client reads slower than it asks: it has the longer time, and the scratch is the socket's. */
  #onUnflushed(connection: Connection): void {
    const { socket } = connection;
    this.#scratch = Buffer.allocUnsafeSlow(copiedBytesMax + headBytesMax);
    this.#unflushed.add(socket);
    connection.isKeptAlive = false;
    socket.setTimeout(this.#options.idleTimeoutMs);
    socket.write('', () => this.#unflushed.delete(socket));
  }
}

/** Nothing is being sent or received on it, so that what is written now is the next answer. */
function isFree(socket: Socket, parser: Parser): boolean {
  const { _httpMessage: answering } = socket as { _httpMessage?: object | null };
  return !answering && parser.incoming === null && socket.writableLength === 0 && socket.writable;
}

let usual: Hook | undefined;

function dispatch(this: Parser, ...head: unknown[]): unknown {
  const connection = this[way];
  // Parsers are used again for other connections.
  if (connection && connection.socket === this.socket && connection.take(head, this, connection)) return 0;
  return usual!.apply(this, head);
}

/** False where Node's parser is not as it is known here. */
function hookInto(parser: Parser): boolean {
  const { kOnHeadersComplete: hook } = parser.constructor as { kOnHeadersComplete?: unknown };
  if (typeof hook !== 'number') return false;
  const now = parser[hook];
  if (now === dispatch) return true;
  if (typeof now !== 'function' || (usual && now !== usual)) return false;
  usual = now as Hook;
  parser[hook] = dispatch;
  return true;
}
