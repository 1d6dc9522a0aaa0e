/**
 * A simulated distance: a TCP proxy that lets bytes arrive half a round trip after they were sent, charges
 * a new connection one round trip, and lets no more than a given bandwidth through, shared by all
 * connections like one link. It counts what crosses it. What it does not simulate (slow start, loss, TLS)
 * would make a far bucket slower.
 */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { Lane, Link } from './lane.ts';

const waitingBytesMin = 2 * 1024 * 1024;

export interface DistanceOptions {
  readonly targetPort: number;
  readonly roundTripMs: number;
  /** In each direction. */
  readonly bytesPerSecond: number;
  /** What one connection gets at most, in each direction: stores limit that too. */
  readonly connectionBytesPerSecond?: number;
}

export interface Crossed {
  /** Requests without a body, as reads are: counted by the blank line that ends their headers. */
  readonly requests: number;
  /** Bytes towards the caller, headers included. */
  readonly bytes: number;
}

export class Distance {
  /** Where it listens, on loopback. */
  readonly port: number;
  readonly #server: Server;
  readonly #options: DistanceOptions;
  readonly #sockets = new Set<Socket>();
  readonly #up: Link;
  readonly #down: Link;
  #requests = 0;
  #bytes = 0;

  private constructor(server: Server, port: number, options: DistanceOptions) {
    this.#server = server;
    this.port = port;
    this.#options = options;
    this.#up = new Link(options.bytesPerSecond);
    this.#down = new Link(options.bytesPerSecond);
    server.on('connection', (near: Socket) => this.#join(near));
  }

  static async open(options: DistanceOptions): Promise<Distance> {
    const server = createServer({ noDelay: true, allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
    return new Distance(server, address.port, options);
  }

  /** Since it was opened. */
  crossed(): Crossed {
    return { requests: this.#requests, bytes: this.#bytes };
  }

  /** Cuts every connection. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #join(near: Socket): void {
    const { targetPort, roundTripMs } = this.#options;
    const delayMs = roundTripMs / 2;
    const waitingBytesMax = this.#waitingBytesMax;
    const far = connect({ port: targetPort, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    const opened = performance.now();
    const heads = headCounter(() => {
      this.#requests += 1;
    });
    new Lane(near, far, {
      link: this.#up,
      ownLink: this.#ownLink(),
      delayMs,
      waitingBytesMax,
      // The handshake: the first bytes leave one round trip after the connection was asked for.
      notBeforeMs: opened + roundTripMs,
      onBytes: heads,
    });
    new Lane(far, near, {
      link: this.#down,
      ownLink: this.#ownLink(),
      delayMs,
      waitingBytesMax,
      notBeforeMs: 0,
      onBytes: (bytes) => {
        this.#bytes += bytes.length;
      },
    });
    this.#tie(near, far);
  }

  #ownLink(): Link | undefined {
    const { connectionBytesPerSecond } = this.#options;
    return connectionBytesPerSecond === undefined ? undefined : new Link(connectionBytesPerSecond);
  }

  /** Twice what is on its way at full speed, so that this limit is not felt as a limit on bandwidth. */
  get #waitingBytesMax(): number {
    const { bytesPerSecond, connectionBytesPerSecond = bytesPerSecond, roundTripMs } = this.#options;
    return Math.max(waitingBytesMin, (connectionBytesPerSecond * roundTripMs) / 1000);
  }

  /** One side breaking breaks the other; a pair that has ended is forgotten. */
  #tie(near: Socket, far: Socket): void {
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        this.#sockets.delete(one);
        if (one.errored || !one.readableEnded) other.destroy();
      });
    }
  }
}

/** Calls `found` for each blank line (`\r\n\r\n`) of a byte stream, also where it is split over pieces. */
function headCounter(found: () => void): (bytes: Uint8Array) => void {
  let matched = 0;
  return (bytes) => {
    for (const byte of bytes) {
      const wanted = matched % 2 === 0 ? 13 : 10;
      matched = byte === wanted ? matched + 1 : byte === 13 ? 1 : 0;
      if (matched < 4) continue;
      matched = 0;
      found();
    }
  };
}
