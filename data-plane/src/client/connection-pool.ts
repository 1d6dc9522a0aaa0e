/**
 * Connections to one node. Streams share them: another one is opened only while all have a few streams, up
 * to a bound. One that broke is replaced when the next stream needs it.
 */
import { ForebayError } from '@forebay/core/errors';
import { ClientConnection, type ClientConnectionOptions } from './client-connection.ts';

export interface ConnectionPoolOptions extends Omit<ClientConnectionOptions, 'onClose'> {
  readonly connectionsMax: number;
  readonly streamsPerConnectionMax: number;
}

/** With fewer streams than this on a connection no other is opened. */
const fewStreams = 16;

export class ConnectionPool {
  readonly #options: ConnectionPoolOptions;
  readonly #connections: ClientConnection[] = [];
  #isClosed = false;

  constructor(options: ConnectionPoolOptions) {
    this.#options = options;
  }

  /**
   * The connection for the next stream: at once where one is open.
   * @throws ForebayError `overloaded` where all are full; ConnectionLost where the node cannot be reached
   */
  take(): ClientConnection | Promise<ClientConnection> {
    const best = this.#leastUsed();
    if (best && best.streamCount < fewStreams && best.isReady) return best;
    const grown = this.#grow();
    if (best?.isReady) {
      if (best.streamCount < this.#options.streamsPerConnectionMax) return best;
      throw new ForebayError('overloaded', 'too many requests to the cache node', { retryAfterMs: 1000 });
    }
    return this.#whenReady(grown ?? best);
  }

  /** The same where it takes no wait; undefined also where all are full. */
  ready(): ClientConnection | undefined {
    const best = this.#leastUsed();
    if (!best?.isReady) return undefined;
    if (best.streamCount < fewStreams) return best;
    this.#grow();
    return best.streamCount < this.#options.streamsPerConnectionMax ? best : undefined;
  }

  close(): void {
    this.#isClosed = true;
    for (const connection of [...this.#connections]) connection.destroy('it is not needed any more');
  }

  /** Of those that are ready; where none is, one that will be. */
  #leastUsed(): ClientConnection | undefined {
    let best: ClientConnection | undefined;
    for (const connection of this.#connections) {
      if (!connection.usable) continue;
      const isBetter = !best || (connection.isReady && !best.isReady);
      if (isBetter || (connection.isReady && connection.streamCount < best!.streamCount)) best = connection;
    }
    return best;
  }

  /** One more, unless there are enough or one is on its way. */
  #grow(): ClientConnection | undefined {
    // One that broke a moment ago is still here.
    const usable = this.#connections.filter((connection) => connection.usable);
    if (this.#isClosed || usable.length >= this.#options.connectionsMax) return undefined;
    if (usable.some((connection) => !connection.isReady)) return undefined;
    const onClose = (closed: ClientConnection) => {
      const index = this.#connections.indexOf(closed);
      if (index >= 0) this.#connections.splice(index, 1);
    };
    const connection = new ClientConnection({ ...this.#options, onClose });
    this.#connections.push(connection);
    return connection;
  }

  async #whenReady(connection: ClientConnection | undefined): Promise<ClientConnection> {
    if (!connection) throw new ForebayError('node-unavailable', 'the cache node is not asked any more');
    await connection.ready;
    return connection;
  }
}
