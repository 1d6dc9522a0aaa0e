/** Connections to one origin: made as they are needed, kept while idle for a while, last used first taken. */
import { type Clock, systemClock } from '@forebay/core/clock';
import { inSpan } from '@forebay/core/tracing';
import { Connection } from './connection.ts';
import { asError } from './no-answer.ts';
import type { ReadBuffers } from './read-buffers.ts';

export interface ConnectionPoolOptions {
  readonly origin: string;
  readonly buffers: ReadBuffers;
  readonly connectTimeoutMs: number;
  /** An idle connection is closed after this long, or sooner where the other side says that it does. */
  readonly idleTimeoutMs: number;
  readonly clock?: Clock | undefined;
}

/** What the other side says of idle connections is shortened by this: its closing may be on its way. */
const idleMarginMs = 1_000;

export class ConnectionPool {
  readonly #options: ConnectionPoolOptions;
  readonly #origin: URL;
  readonly #clock: Clock;
  readonly #all = new Set<Connection>();
  /** The longest idle first. */
  #idle: Connection[] = [];
  #sweeping: NodeJS.Timeout | undefined;
  #session: Buffer | undefined;
  #preparing = 0;
  #closed = false;

  constructor(options: ConnectionPoolOptions) {
    this.#options = options;
    this.#origin = new URL(options.origin);
    this.#clock = options.clock ?? systemClock;
  }

  /** An idle connection, in the caller's tick. @param idleMaxMs longer idle ones are not taken */
  idle(idleMaxMs: number): Connection | undefined {
    const connection = this.#idle.at(-1);
    if (!connection) return undefined;
    const nowMs = this.#clock.monotonicMs();
    // The others have been idle for longer still.
    if (nowMs - connection.idleSinceMs > idleMaxMs) return undefined;
    this.#idle.pop();
    if (connection.usable && nowMs < connection.idleEndMs) return connection;
    connection.destroy(new Error('idle for too long'));
    return this.idle(idleMaxMs);
  }

  /**
   * A new connection. @param onMade told of it before it stands
   * @throws what kept it from being made, or the signal's reason
   */
  async connect(
    signal: AbortSignal | undefined,
    onMade: (connection: Connection) => void,
  ): Promise<Connection> {
    if (this.#closed) throw new Error('the store has been closed');
    // It serves other requests than the one that it is made for.
    const connection = inSpan(undefined, () => this.#newConnection());
    this.#all.add(connection);
    onMade(connection);
    const onAbort = () => connection.destroy(asError(signal?.reason));
    signal?.addEventListener('abort', onAbort);
    try {
      await connection.ready;
      return connection;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  #newConnection(): Connection {
    const { buffers, connectTimeoutMs } = this.#options;
    return new Connection({
      origin: this.#origin,
      buffers,
      connectTimeoutMs,
      session: this.#session,
      onSession: (session) => {
        this.#session = session;
      },
      onClose: (gone) => this.#forget(gone),
    });
  }

  /** Makes connections until so many are idle. What keeps one from being made, the next request will tell. */
  prepare(count: number): void {
    while (this.#idle.length + this.#preparing < count && !this.#closed) {
      this.#preparing += 1;
      void this.#prepareOne().finally(() => {
        this.#preparing -= 1;
      });
    }
  }

  /** A connection whose answer is over. @param idleMs how long the other side keeps it */
  giveBack(connection: Connection, idleMs: number): void {
    if (this.#closed || !connection.usable) {
      connection.destroy(new Error('the store has been closed'));
      return;
    }
    connection.idleSinceMs = this.#clock.monotonicMs();
    connection.idleEndMs = connection.idleSinceMs + idleMs - idleMarginMs;
    this.#idle.push(connection);
    this.#sweeping ??= setTimeout(() => this.#sweep(), this.#options.idleTimeoutMs).unref();
  }

  /** Ends all of them, in use or not. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#sweeping);
    for (const connection of this.#all) connection.destroy(new Error('the store has been closed'));
    this.#idle = [];
  }

  async #prepareOne(): Promise<void> {
    try {
      const connection = await this.connect(undefined, () => {});
      connection.release();
      this.giveBack(connection, Number.POSITIVE_INFINITY);
    } catch {
      // There is nobody to tell.
    }
  }

  #sweep(): void {
    this.#sweeping = undefined;
    const nowMs = this.#clock.monotonicMs();
    const { idleTimeoutMs } = this.#options;
    const isOver = ({ idleSinceMs, idleEndMs }: Connection) =>
      nowMs - idleSinceMs >= idleTimeoutMs || nowMs >= idleEndMs;
    const over = this.#idle.filter(isOver);
    for (const connection of over) connection.destroy(new Error('idle for too long'));
    this.#idle = this.#idle.filter((connection) => !over.includes(connection));
    const [oldest] = this.#idle;
    if (!oldest) return;
    const leftMs = Math.max(1, oldest.idleSinceMs + idleTimeoutMs - nowMs);
    this.#sweeping = setTimeout(() => this.#sweep(), leftMs).unref();
  }

  #forget(connection: Connection): void {
    this.#all.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }
}
