/**
 * One kept-alive HTTP/1.1 connection for load generators, which share the machine with what they measure: on
 * a bare socket, read into one buffer that all connections use again and again, one request at a time. It
 * reads no more of an answer than it must: status, how the body ends, and the body's length.
 */
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { bodyOf, type Head, headBytesMax, headEnd, parseHead } from './wire-answer.ts';

export interface WireReply {
  readonly status: number;
  /** Status line and headers. */
  readonly head: string;
  readonly sizeBytes: number;
  /** From the request to the first byte of the answer, in milliseconds. */
  readonly firstByteMs: number;
}

export interface WireAsk {
  /** Request line and headers, with the blank line. */
  readonly head: string;
  readonly body?: Uint8Array | undefined;
  /** A HEAD request: the answer has no body, whatever its length says. */
  readonly headOnly?: boolean;
  /** Called before the first byte of the body. */
  readonly onHead?: (head: Head) => void;
  /** Called with each piece of the body. The piece is only valid during the call. */
  readonly onBytes?: ((bytes: Buffer) => void) | undefined;
}

const shared = Buffer.allocUnsafeSlow(256 * 1024);

export class WireConnection {
  readonly #url: URL;
  readonly #idleMsMax: number;
  #socket: Socket | undefined;
  #ask: WireAsk | undefined;
  #settle: { resolve(reply: WireReply): void; reject(error: Error): void } | undefined;
  #sentMs = 0;
  #firstMs = 0;
  #early = Buffer.alloc(0);
  #head: Head | undefined;
  #body: ((bytes: Buffer) => boolean) | undefined;
  #sizeBytes = 0;

  constructor(endpoint: string, { idleMsMax = 60_000 }: { readonly idleMsMax?: number } = {}) {
    this.#url = new URL(endpoint);
    this.#idleMsMax = idleMsMax;
  }

  /**
   * Sends a request and reads its answer to the end. A connection that the server has closed in between is
   * opened anew; nothing is ever sent twice. @throws Error where the connection breaks, or the answer is no
   * HTTP or does not come.
   */
  send(ask: WireAsk): Promise<WireReply> {
    if (this.#settle) throw new Error('one request at a time');
    const socket = this.#socket ?? this.#open();
    this.#ask = ask;
    this.#head = undefined;
    this.#sizeBytes = 0;
    this.#firstMs = 0;
    this.#sentMs = performance.now();
    socket.write(ask.head, 'latin1');
    if (ask.body) socket.write(ask.body);
    return new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
  }

  close(): void {
    this.#fail(new Error('closed'));
  }

  #open(): Socket {
    const { hostname, protocol } = this.#url;
    const host = hostname.replace(/^\[|\]$/g, '');
    const secure = protocol === 'https:';
    const port = Number(this.#url.port || (secure ? 443 : 80));
    const take = (bytes: Buffer) => {
      if (this.#socket === socket) this.#take(bytes);
      return true;
    };
    const onread = { buffer: shared, callback: (count: number) => take(shared.subarray(0, count)) };
    const socket = secure
      ? connectTls({ host, port, servername: host }).on('data', take)
      : connect({ host, port, noDelay: true, onread });
    socket.setTimeout(this.#idleMsMax, () => socket.destroy(new Error('no answer in time')));
    socket.on('error', (error) => this.#socket === socket && this.#fail(error));
    socket.on('close', () => this.#socket === socket && this.#closed());
    socket.on('end', () => this.#socket === socket && this.#closed());
    this.#socket = socket;
    return socket;
  }

  #closed(): void {
    if (this.#head?.untilClose && this.#settle) this.#done();
    else this.#fail(new Error('the connection was closed before the answer was complete'));
  }

  #fail(error: Error): void {
    this.#socket?.destroy();
    this.#socket = undefined;
    this.#early = Buffer.alloc(0);
    this.#body = undefined;
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.reject(error);
  }

  #take(bytes: Buffer): void {
    if (!this.#settle) {
      this.#fail(new Error('an answer that nobody asked for'));
      return;
    }
    const body = this.#body ? bytes : this.#takeHead(bytes);
    if (body && this.#body?.(body)) this.#done();
  }

  /** What follows the head, once the head is there. */
  #takeHead(bytes: Buffer): Buffer | undefined {
    if (this.#firstMs === 0) this.#firstMs = performance.now();
    const all = this.#early.length === 0 ? bytes : Buffer.concat([this.#early, bytes]);
    const at = all.indexOf(headEnd);
    if (at < 0) {
      if (all.length > headBytesMax) this.#fail(new Error('a head without an end'));
      else this.#early = Buffer.from(all);
      return undefined;
    }
    this.#early = Buffer.alloc(0);
    const head = parseHead(all.toString('latin1', 0, at));
    const rest = all.subarray(at + headEnd.length);
    if (!head) {
      this.#fail(new Error('an answer that is no HTTP/1.1'));
      return undefined;
    }
    if (head.status < 200) return rest.length === 0 ? undefined : this.#takeHead(rest);
    this.#head = head;
    this.#ask?.onHead?.(head);
    this.#body = bodyOf(head, this.#ask?.headOnly === true, (piece) => {
      this.#sizeBytes += piece.length;
      this.#ask?.onBytes?.(piece);
    });
    return rest;
  }

  #done(): void {
    const { status, text, close } = this.#head!;
    const settle = this.#settle!;
    this.#settle = undefined;
    this.#body = undefined;
    if (close) {
      this.#socket?.destroy();
      this.#socket = undefined;
    }
    const firstByteMs = this.#firstMs - this.#sentMs;
    settle.resolve({ status, head: text, sizeBytes: this.#sizeBytes, firstByteMs });
  }
}
