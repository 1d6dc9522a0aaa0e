/**
 * One connection to a store, and the buffers that its socket reads into. One user at a time; without one it
 * is idle, and whatever comes then ends it: no answer is ever taken for another request's.
 */
import { connect as connectTcp, isIP, type OnReadOpts, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { asError, WireError } from './no-answer.ts';
import type { ReadBuffers } from './read-buffers.ts';

/** Who sent a request and reads its answer. */
export interface ConnectionUser {
  /** Whether the answer goes on for so long that a large buffer pays. */
  readonly wantsLargeBuffer: boolean;
  /**
   * Bytes of the answer. `pause`: nothing more until `resume`, though what is decrypted already may come.
   * `keep`: their buffer is the user's from now on, to give back to the pool.
   */
  onBytes(bytes: Buffer, buffer: Buffer): { readonly pause: boolean; readonly keep: boolean };
  /** The other side sends no more. */
  onEnd(): void;
  onError(error: Error): void;
}

export interface ConnectionOptions {
  readonly origin: URL;
  readonly buffers: ReadBuffers;
  readonly connectTimeoutMs: number;
  /** Of an earlier TLS connection to the same store. */
  readonly session: Buffer | undefined;
  readonly onSession: (session: Buffer) => void;
  /** It is gone, idle or not. */
  readonly onClose: (connection: Connection) => void;
}

const probeIdleMs = 60_000;

export class Connection {
  /** How often it became idle: before a request, or after one that it has served. */
  served = 0;
  idleSinceMs = 0;
  /** From then on the other side may close it while it is idle. */
  idleEndMs = Number.POSITIVE_INFINITY;
  readonly #socket: Socket;
  readonly #buffers: ReadBuffers;
  readonly #isTls: boolean;
  readonly #ready = Promise.withResolvers<void>();
  #buffer: Buffer | undefined;
  #bufferSize: 'small' | 'large' = 'small';
  #user: ConnectionUser | undefined;
  #failure: Error | undefined;

  constructor(options: ConnectionOptions) {
    const { origin, connectTimeoutMs } = options;
    this.#buffers = options.buffers;
    this.#isTls = origin.protocol === 'https:';
    this.#socket = this.#open(options);
    const timer = setTimeout(() => {
      this.destroy(new WireError('ETIMEDOUT', `no connection within ${connectTimeoutMs} ms`));
    }, connectTimeoutMs);
    this.#ready.promise.catch(() => {});
    this.#socket.once(this.#isTls ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer);
      this.#ready.resolve();
    });
    this.#socket.on('end', () => (this.#user ? this.#user.onEnd() : this.destroy(closed())));
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => {
      clearTimeout(timer);
      this.#fail(closed());
      options.onClose(this);
    });
    // Its end is seen only while it flows; the bytes go to `onread` all the same.
    this.#socket.resume();
  }

  /** Resolves once it can be used; rejects with what kept it from it. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get usable(): boolean {
    return !this.#failure && !this.#socket.destroyed;
  }

  /** Whether all of the request has been handed to the system. */
  get flushed(): boolean {
    return this.#socket.writableLength === 0;
  }

  /** Sends a request; its answer is the user's until `release`. */
  send(user: ConnectionUser, head: string, body: Uint8Array | undefined): void {
    if (this.#failure) {
      user.onError(this.#failure);
      return;
    }
    this.#user = user;
    if (body && body.byteLength > 0) {
      this.#socket.cork();
      this.#socket.write(head, 'latin1');
      this.#socket.write(body);
      this.#socket.uncork();
    } else {
      this.#socket.write(head, 'latin1');
    }
  }

  /** The answer is over. */
  release(): void {
    this.#user = undefined;
    this.served += 1;
    this.resume();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Ends it at once; its user hears of it. */
  destroy(error: Error): void {
    this.#fail(error);
    this.#socket.destroy();
  }

  #fail(error: Error): void {
    if (this.#failure) return;
    this.#failure = error;
    this.#ready.reject(error);
    const user = this.#user;
    this.#user = undefined;
    user?.onError(error);
    this.#socket.destroy();
  }

  #open({ origin, session, onSession }: ConnectionOptions): Socket {
    const { hostname, port } = origin;
    const host = hostname.replace(/^\[|\]$/g, '');
    const onread: OnReadOpts = {
      buffer: () => this.#nextBuffer(),
      callback: (lengthBytes) => this.#onRead(lengthBytes),
    };
    const options = { host, port: Number(port) || (this.#isTls ? 443 : 80), onread };
    if (!this.#isTls) {
      return connectTcp({ ...options, noDelay: true, keepAlive: true, keepAliveInitialDelay: probeIdleMs });
    }
    const tls = { ALPNProtocols: ['http/1.1'], ...(isIP(host) === 0 && { servername: host }) };
    const socket = connectTls({ ...options, ...tls, ...(session && { session }) });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, probeIdleMs);
    socket.on('session', onSession);
    return socket;
  }

  /** False pauses the socket. */
  #onRead(lengthBytes: number): boolean {
    const buffer = this.#buffer;
    if (!buffer) return true;
    if (!this.#user) {
      this.destroy(new WireError('EPROTO', 'bytes came that nobody asked for'));
      return false;
    }
    try {
      const { pause, keep } = this.#user.onBytes(buffer.subarray(0, lengthBytes), buffer);
      if (keep) this.#buffer = undefined;
      return !pause;
    } catch (error) {
      // What was kept of the buffer is not known.
      this.#buffer = undefined;
      this.destroy(asError(error));
      return false;
    }
  }

  /** Where the next bytes go. TLS hands over what one record held, 16 KiB at most. */
  #nextBuffer(): Buffer {
    const wanted = this.#user?.wantsLargeBuffer && !this.#isTls ? 'large' : 'small';
    const current = this.#buffer;
    if (current && this.#bufferSize === wanted) return current;
    if (current) this.#buffers.give(current);
    this.#bufferSize = wanted;
    this.#buffer = this.#buffers.take(wanted);
    return this.#buffer;
  }
}

export function closed(): WireError {
  return new WireError('ECONNRESET', 'the store closed the connection');
}
