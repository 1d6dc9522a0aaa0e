/**
 * The short way of requests whose answer is at hand, or comes soon: from the parser's head straight to the
 * socket, in one write. Node's parser stays, with its limits and its timeouts; what is left out is the pair
 * of streams that Node makes of every request, which costs as much as all else that a hit needs. Whatever the
 * short way cannot do, or not yet, goes Node's usual way, with what was found out already (Exchange). So does
 * a request that waits, as soon as anything else happens on its connection.
 *
 * gateway-short-way.test.ts and gateway-short-wait.test.ts say whether Node's parser is as it is expected
 * (parser-hook.ts), and that both ways give the same bytes.
 */
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '@forebay/core/clock';
import { Exchange } from './exchange.ts';
import type { Observer } from './observer.ts';
import { handToNode, leaveHeads, type Parser, parserOf, takeHeads } from './parser-hook.ts';
import type { S3Answer } from './s3/types.ts';
import { connectionOf, ShortConnection } from './short-connection.ts';
import { ShortWriter, type ShortWriterOptions } from './short-writer.ts';

/** llhttp's numbers. */
const methods: Readonly<Record<number, string>> = { 1: 'GET', 2: 'HEAD' };

export interface ShortWayOptions extends ShortWriterOptions {
  /** The answer, where nothing has to be waited for. Never throws. */
  readonly answerNow: (exchange: Exchange) => S3Answer | undefined;
  /** The client of an exchange without streams has gone. Never throws. */
  readonly leave: (exchange: Exchange) => void;
  readonly observer: Observer;
  /** Told of faults of ours. */
  readonly onDefect: (exchange: Exchange, error: unknown) => void;
  readonly requestsInFlightMax: number;
  readonly clock: Clock;
}

export class ShortWay {
  readonly #options: ShortWayOptions;
  readonly #writer: ShortWriter;
  readonly #waiting = new Set<ShortConnection>();
  #isOpen = true;

  constructor(options: ShortWayOptions) {
    this.#options = options;
    this.#writer = new ShortWriter(options);
  }

  /** From now on all requests go the usual way. */
  close(): void {
    this.#isOpen = false;
    for (const { socket } of this.#waiting) this.giveUp(socket);
  }

  /** To be called for each new connection, when Node has given it a parser. */
  adopt(socket: Socket): void {
    const parser = parserOf(socket);
    const connection = new ShortConnection(socket, this.#take);
    if (!parser || !takeHeads(parser, connection)) return;
    socket.once('close', () => {
      leaveHeads(parser, socket);
      this.#writer.closed(socket);
      this.#gone(connection);
    });
  }

  /** What was found out of the request that Node has just made streams for. */
  passedOn(socket: Socket): Exchange | undefined {
    const connection = connectionOf(socket);
    const exchange = connection?.passedOn;
    if (connection) connection.passedOn = undefined;
    return exchange;
  }

  /**
   * Something unusual happens to a connection: a request that waits on it goes on the usual way, which has
   * rules for that.
   * @returns true: so far the connection had only the time of one that waits for a request, and that is over
   */
  giveUp(socket: Socket): boolean {
    const connection = connectionOf(socket);
    const parser = parserOf(socket);
    if (!connection?.waiting || !parser) return false;
    const { isKeptAlive } = connection;
    this.#handOver(connection, parser);
    return isKeptAlive;
  }

  /** Keeps the server from closing connections as idle whose last answer is still on its way. */
  guard(server: Server): void {
    const closeIdle = server.closeIdleConnections;
    server.closeIdleConnections = () => {
      if (this.#writer.isFlushed && this.#waiting.size === 0) closeIdle.call(server);
    };
  }

  /** True: the request is answered. */
  readonly #take = (head: readonly unknown[], parser: Parser, connection: ShortConnection): boolean => {
    const [major, minor, rawHeaders, methodNumber, target, , , upgrade, keepAlive] = head;
    const { observer, requestsInFlightMax, clock } = this.#options;
    const { socket } = connection;
    if (connection.waiting) this.#handOver(connection, parser);
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
      connection.isFree(parser) &&
      observer.inFlight < requestsInFlightMax;
    if (!isShort) return this.#leave(connection);
    const exchange = new Exchange(
      { method, target, rawHeaders: rawHeaders as string[], isHttp11: true, socket },
      clock,
    );
    observer.begin(exchange);
    if (this.#isTaken(connection, exchange, head)) return true;
    this.#passOn(connection, exchange);
    return false;
  };

  /** Never throws: thrown into the parser an error would be the end of the process. */
  #isTaken(connection: ShortConnection, exchange: Exchange, head: readonly unknown[]): boolean {
    try {
      const answer = this.#options.answerNow(exchange);
      if (!answer) return this.#wait(connection, exchange, head);
      if (this.#writer.write(connection, exchange, answer)) {
        this.#end(exchange);
        return true;
      }
      exchange.answer ??= answer;
      return false;
    } catch (error) {
      this.#defect(connection, exchange, error);
      return true;
    }
  }

  /** What went out nobody knows. */
  #defect({ socket }: ShortConnection, exchange: Exchange, error: unknown): void {
    this.#options.onDefect(exchange, error);
    socket.destroy();
    this.#end(exchange);
  }

  #end(exchange: Exchange): void {
    try {
      this.#options.observer.end(exchange);
    } catch (error) {
      // Thrown into the parser it would be the end of the process.
      this.#options.onDefect(exchange, error);
    }
  }

  #passOn(connection: ShortConnection, exchange: Exchange): void {
    this.#options.observer.passOn();
    connection.passedOn = exchange;
    this.#leave(connection);
  }

  /** False where no answer comes on its own. */
  #wait(connection: ShortConnection, exchange: Exchange, head: readonly unknown[]): boolean {
    const { soon } = exchange;
    if (!soon) return false;
    connection.waiting = { head, exchange };
    this.#waiting.add(connection);
    soon.whenThere((answer) => this.#answer(connection, exchange, answer));
    return true;
  }

  #answer(connection: ShortConnection, exchange: Exchange, answer: S3Answer): void {
    const { socket } = connection;
    exchange.answer = answer;
    try {
      const parser = parserOf(socket);
      if (!parser || !socket.writable) this.#gone(connection);
      else if (this.#writer.write(connection, exchange, answer)) {
        this.#waitsNoMore(connection);
        this.#end(exchange);
      } else this.#handOver(connection, parser);
    } catch (error) {
      // Thrown into the cache node's connection it would be the end of that.
      if (connection.waiting) this.#waitsNoMore(connection);
      this.#defect(connection, exchange, error);
    }
  }

  /** Node makes its streams, later than it would have. */
  #handOver(connection: ShortConnection, parser: Parser): void {
    const { head, exchange } = connection.waiting!;
    this.#waitsNoMore(connection);
    this.#passOn(connection, exchange);
    handToNode(parser, head);
  }

  #waitsNoMore(connection: ShortConnection): void {
    connection.waiting = undefined;
    this.#waiting.delete(connection);
  }

  #gone(connection: ShortConnection): void {
    if (!connection.waiting) return;
    const { exchange } = connection.waiting;
    this.#waitsNoMore(connection);
    const { body } = exchange.answer ?? {};
    if (typeof body === 'object' && !(body instanceof Uint8Array)) {
      void body[Symbol.asyncIterator]()
        .return?.()
        .catch(() => {});
    }
    this.#options.leave(exchange);
    exchange.sent = { bodyBytes: 0, end: 'client-gone' };
    this.#end(exchange);
  }

  /** Node's way begins with Node's time. */
  #leave(connection: ShortConnection): false {
    if (connection.isKeptAlive) connection.socket.setTimeout(this.#options.idleTimeoutMs);
    connection.isKeptAlive = false;
    return false;
  }
}
