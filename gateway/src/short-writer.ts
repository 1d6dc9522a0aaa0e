/** Writes the answers of the short way (short-way.ts): as much as the system takes at once. */
import type { Socket } from 'node:net';
import { type HeldBody, isHeld, isHere, isSliced, type SlicedBody } from '@forebay/core/pieces';
import { syscalls } from '@forebay/core/syscalls';
import type { Exchange } from './exchange.ts';
import type { HeadText } from './head-text.ts';
import { startHeld } from './held-start.ts';
import { isBodiless, lengthOf } from './s3/answer.ts';
import type { S3Answer } from './s3/types.ts';
import type { ShortConnection } from './short-connection.ts';
import { isSlice, nextPieceOf, ResumedBody, startSliced } from './sliced-start.ts';

export interface ShortWriterOptions {
  readonly headText: HeadText;
  /** Parts of files go to the socket without a copy, where the system can. */
  readonly zeroCopy: boolean;
  readonly idleTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
}

/** Node waits this much longer than it says. */
const keepAliveGraceMs = 1000;
/** Larger bodies are written as they are, behind their head. */
const copiedBytesMax = 32 * 1024;
const headBytesMax = 32 * 1024;

export class ShortWriter {
  readonly #options: ShortWriterOptions;
  readonly #keptAliveMs: number;
  /** Answers are put together here. One that the system did not take whole keeps it. */
  #scratch = Buffer.allocUnsafeSlow(copiedBytesMax + headBytesMax);
  readonly #unflushed = new Set<Socket>();

  constructor(options: ShortWriterOptions) {
    this.#options = options;
    this.#keptAliveMs = options.keepAliveTimeoutMs + keepAliveGraceMs;
  }

  /** Whether the system has all that was written. */
  get isFlushed(): boolean {
    return this.#unflushed.size === 0;
  }

  closed(socket: Socket): void {
    this.#unflushed.delete(socket);
  }

  /** False where there is more to do: the head has to be Node's, or the body is not all at hand. */
  write(connection: ShortConnection, exchange: Exchange, answer: S3Answer): boolean {
    const { body, status, chunked, late } = answer;
    if (chunked || late) return false;
    const bytes = typeof body === 'string' ? Buffer.from(body) : body;
    if (bytes !== undefined && !(bytes instanceof Uint8Array)) {
      if (isHere(bytes)) return this.#writeHeld(connection, exchange, { answer, body: bytes });
      if (isSliced(bytes)) return this.#writeSliced(connection, exchange, { answer, body: bytes });
      return isHeld(bytes) && this.#beginHeld(connection, exchange, { answer, body: bytes });
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
    connection: ShortConnection,
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
    if (first instanceof Uint8Array && first.length < lengthBytes && first.length <= copiedBytesMax) {
      return this.#begin(connection, exchange, { answer: { ...answer, body }, text, first });
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
      connection.keepAlive(this.#keptAliveMs);
      return true;
    }
    exchange.begunBytes = bodyBytes;
    exchange.answer = { ...answer, body: rest };
    return false;
  }

  /** The same for a body that another process sent. */
  #writeHeld(
    connection: ShortConnection,
    exchange: Exchange,
    { answer, body }: { readonly answer: S3Answer; readonly body: HeldBody },
  ): boolean {
    const calls = this.#options.zeroCopy ? syscalls() : undefined;
    const text = calls && this.#options.headText.of(exchange.id, answer, 0);
    if (!text || text.length > headBytesMax || exchange.head.method === 'HEAD') return false;
    const lengthBytes = lengthOf(answer, body);
    if (Number.isNaN(lengthBytes)) return false;
    const { socket } = connection;
    const headBytes = this.#scratch.write(text, 'latin1');
    const scratch = this.#scratch;
    const started = startHeld({ socket, calls: calls!, scratch, headBytes, body, lengthBytes });
    if (!started) return false;
    if (started.isWhole) {
      this.#over(exchange, answer, lengthBytes);
      connection.keepAlive(this.#keptAliveMs);
      return true;
    }
    exchange.begunBytes = started.bodyBytes;
    exchange.answer = answer;
    return false;
  }

  /** Of a body that comes from another process: what of it is here. */
  #beginHeld(
    connection: ShortConnection,
    exchange: Exchange,
    { answer, body }: { readonly answer: S3Answer; readonly body: HeldBody },
  ): false {
    const text = this.#options.headText.of(exchange.id, answer, 0);
    if (!text || text.length > headBytesMax || exchange.head.method === 'HEAD') return false;
    const lengthBytes = lengthOf(answer, body);
    if (Number.isNaN(lengthBytes)) return false;
    const first = body.nextBytes(Math.min(lengthBytes, copiedBytesMax));
    return first ? this.#begin(connection, exchange, { answer, text, first }) : false;
  }

  /**
   * The head leaves with the first bytes of a body whose rest comes later, the usual way: who waits for them
   * need not wait until that is prepared.
   */
  #begin(
    { socket }: ShortConnection,
    exchange: Exchange,
    { answer, text, first }: { readonly answer: S3Answer; readonly text: string; readonly first: Uint8Array },
  ): false {
    const begin = Buffer.allocUnsafe(text.length + first.length);
    begin.set(first, begin.write(text, 'latin1'));
    socket.write(begin);
    exchange.begunBytes = first.length;
    exchange.answer = answer;
    return false;
  }

  #over(exchange: Exchange, { status, cache, headers }: S3Answer, bodyBytes: number): void {
    exchange.cache = cache;
    exchange.answerHeaders = headers;
    exchange.status = status;
    exchange.sent = { bodyBytes, end: 'whole' };
  }

  #send(connection: ShortConnection, head: string, body: Uint8Array | undefined): void {
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
    else connection.keepAlive(this.#keptAliveMs);
  }

  /** The client reads slower than it asks: it has the longer time, and the scratch is the socket's. */
  #onUnflushed(connection: ShortConnection): void {
    const { socket } = connection;
    this.#scratch = Buffer.allocUnsafeSlow(copiedBytesMax + headBytesMax);
    this.#unflushed.add(socket);
    connection.isKeptAlive = false;
    socket.setTimeout(this.#options.idleTimeoutMs);
    socket.write('', () => this.#unflushed.delete(socket));
  }
}
