/**
 * One GET on a socket of its own, read no faster than it is told to, every byte checked. On bare sockets,
 * with one buffer for all of them: hundreds of these cost little, and a reader that waits does not read.
 */
import { connect, type Socket } from 'node:net';
import { isContent } from 'forebay/bench/content';

export interface RawRead {
  /** Request line and headers. */
  readonly head: string;
  readonly port: number;
  /** The object's number in forebay/bench/content, and where in it the answer begins. */
  readonly object: number;
  readonly start: number;
  /** What the answer must have. */
  readonly sizeBytes: number;
  /** Without it as fast as it comes. */
  readonly bytesPerSecond?: number | undefined;
}

export interface RawOutcome {
  readonly bytes: number;
  /** `left`: told to go before the answer was whole. */
  readonly end: 'complete' | 'left' | 'failed';
  /** Of one that failed. */
  readonly reason?: string;
}

const shared = Buffer.allocUnsafe(64 * 1024);
const headEnd = Buffer.from('\r\n\r\n');
const headBytesMax = 16 * 1024;

export class RawReader {
  readonly #read: RawRead;
  readonly #socket: Socket;
  readonly #ended = Promise.withResolvers<RawOutcome>();
  readonly #startedMs = performance.now();
  #head = Buffer.alloc(0);
  #inBody = false;
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(read: RawRead) {
    this.#read = read;
    const onread = { buffer: shared, callback: (count: number) => this.#take(shared.subarray(0, count)) };
    this.#socket = connect({ port: read.port, host: '127.0.0.1', onread });
    this.#socket.write(read.head);
    this.#socket.on('error', (error) => this.#end('failed', error.message));
    this.#socket.on('close', () => this.#end('failed', `cut after ${this.#bytes} bytes`));
  }

  /** Resolves when it has ended. Never rejects. */
  get ended(): Promise<RawOutcome> {
    return this.#ended.promise;
  }

  leave(): void {
    this.#end('left');
  }

  #end(end: RawOutcome['end'], reason?: string): void {
    clearTimeout(this.#timer);
    this.#ended.resolve({ bytes: this.#bytes, end, ...(reason !== undefined && { reason }) });
    this.#socket.destroy();
  }

  /** False: no more, until `resume`. */
  #take(bytes: Buffer): boolean {
    const body = this.#inBody ? bytes : this.#takeHead(bytes);
    if (!body) return true;
    const { object, start, sizeBytes } = this.#read;
    if (!isContent(body, object, start + this.#bytes)) {
      this.#end('failed', `wrong bytes from ${start + this.#bytes} of object ${object}`);
      return false;
    }
    this.#bytes += body.length;
    if (this.#bytes >= sizeBytes) {
      const exact = this.#bytes === sizeBytes;
      this.#end(exact ? 'complete' : 'failed', exact ? undefined : `${this.#bytes} bytes, not ${sizeBytes}`);
      return false;
    }
    return this.#mayGoOn();
  }

  #mayGoOn(): boolean {
    const { bytesPerSecond } = this.#read;
    if (bytesPerSecond === undefined) return true;
    const dueMs = this.#startedMs + (this.#bytes / bytesPerSecond) * 1000 - performance.now();
    if (dueMs <= 0) return true;
    this.#timer = setTimeout(() => this.#socket.resume(), dueMs);
    return false;
  }

  /** What follows the head, once it is there. */
  #takeHead(bytes: Buffer): Buffer | undefined {
    this.#head = Buffer.concat([this.#head, bytes]);
    const at = this.#head.indexOf(headEnd);
    if (at < 0 && this.#head.length < headBytesMax) return undefined;
    const status = /^HTTP\/1\.1 (\d+)/.exec(this.#head.toString('latin1', 0, 20))?.[1];
    if (at < 0 || (status !== '200' && status !== '206')) {
      const code = /<Code>(\w+)/.exec(this.#head.toString('latin1'))?.[1];
      this.#end('failed', ['answered with', status ?? 'no HTTP', ...(code ? [code] : [])].join(' '));
      return undefined;
    }
    const body = this.#head.subarray(at + headEnd.length);
    this.#head = Buffer.alloc(0);
    this.#inBody = true;
    return body;
  }
}
