/**
 * The body of one answer on its way from a node. Pieces are lent: a piece is valid until the next one is
 * asked for, or the body returned. What is read here is granted anew to the node, so that a slow reader holds
 * its window and no more.
 */
import { ForebayError } from '@forebay/core/errors';
import type { HeldBody } from '@forebay/core/pieces';
import { ProtocolError } from '../wire/frame.ts';
import type { ReadBuffers } from '../wire/read-buffers.ts';
import { BodyQueue, type Piece } from './body-queue.ts';
import type { RelayPipes } from './relay-pipes.ts';

/** Where the bytes come from. */
export interface BodySource {
  /** So many bytes more may come. */
  grant(lengthBytes: number): void;
  /** There is room to draw more bytes out of the socket, if they are this body's. */
  drawMore(): void;
  /** Nobody wants the rest. */
  left(): void;
}

export interface RemoteBodyOptions {
  readonly lengthBytes: number;
  readonly windowBytes: number;
  readonly buffers: ReadBuffers;
  readonly pipes: RelayPipes | undefined;
}

type Result = IteratorResult<Uint8Array, undefined>;
const end: Result = { done: true, value: undefined };
const nothing = new Uint8Array(0);
const turnBytes = 1024 * 1024;

export class RemoteBody implements HeldBody {
  readonly #source: BodySource;
  readonly #buffers: ReadBuffers;
  readonly #grantBytes: number;
  readonly #queue: BodyQueue;
  /** What the reader has. */
  #lent: Piece | undefined;
  /** Read, and not granted anew. */
  #readBytes = 0;
  #missingBytes: number;
  #passesOn = false;
  #waiting: PromiseWithResolvers<Result> | undefined;
  #state: 'open' | 'ended' | 'failed' | 'returned' = 'open';
  #error: unknown;

  constructor(source: BodySource, options: RemoteBodyOptions) {
    this.#source = source;
    this.#buffers = options.buffers;
    this.#missingBytes = options.lengthBytes;
    this.#grantBytes = options.windowBytes / 2;
    this.#queue = new BodyQueue(options.buffers, options.pipes);
  }

  /** Whether the connection may draw bytes out of its socket for it. */
  get relays(): boolean {
    return this.#state === 'open' && this.#queue.relays;
  }

  get isHere(): boolean {
    return this.#state === 'ended';
  }

  /** From the connection. @throws ProtocolError where the body is longer than it was said to be */
  push(bytes: Buffer, buffer: Buffer): void {
    if (this.#state !== 'open') {
      this.#buffers.give(buffer);
      return;
    }
    if (this.#passesOn && this.#queue.pipe(bytes)) this.#buffers.give(buffer);
    else this.#queue.push({ bytes, buffer });
    this.#came(bytes.length);
  }

  /** From the connection: the same for bytes that are still in its socket. @returns how many it took */
  draw(socket: number, lengthBytes: number): number {
    if (this.#state !== 'open') return 0;
    const drawn = this.#queue.draw(socket, lengthBytes);
    if (drawn > 0) this.#came(drawn);
    return drawn;
  }

  /** From the connection: that was all. @throws ProtocolError where it was not */
  end(): void {
    if (this.#missingBytes > 0) throw new ProtocolError('a body is shorter than its range');
    if (this.#state === 'open') this.#state = 'ended';
    this.#settle();
  }

  /** From the connection: no more will come. Pieces that are here already are still handed over first. */
  fail(error: unknown): void {
    if (this.#state !== 'open') return;
    this.#state = 'failed';
    this.#error = error;
    const waiting = this.#waiting;
    if (!waiting) return;
    this.#waiting = undefined;
    this.#over();
    waiting.reject(error);
  }

  /** The client has left: who reads on gets an error. */
  abort(): void {
    if (this.#state !== 'open') return;
    this.#queue.close();
    this.fail(new ForebayError('ufs-unavailable', 'the reader has left'));
    this.#source.left();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    if (this.#waiting) return Promise.reject(new Error('the body is read by two at once'));
    this.#giveBack();
    const piece = this.#queue.shift(this.#passesOn ? 'little' : 'all');
    if (piece) {
      this.#lent = piece;
      return Promise.resolve({ done: false, value: piece.bytes });
    }
    if (this.#state === 'open') {
      this.#waiting = Promise.withResolvers();
      return this.#waiting.promise;
    }
    const failed = this.#state === 'failed';
    this.#over();
    return failed ? Promise.reject(this.#error) : Promise.resolve(end);
  }

  nextBytes(lengthBytesMax: number): Uint8Array | undefined {
    this.#giveBack();
    if (this.#queue.bufferedBytes === 0 || this.#queue.bufferedBytes > lengthBytesMax) return undefined;
    this.#lent = this.#queue.shift('all');
    return this.#lent?.bytes;
  }

  passOn(socket: number): number {
    this.#passesOn = true;
    this.#giveBack();
    let all = 0;
    for (;;) {
      const passed = this.#queue.passOn(socket);
      if (passed > 0) this.#read(passed);
      all += passed;
      if (passed === 0 || !this.#queue.isEmpty || this.#state !== 'open') return all;
      this.#source.drawMore();
      // A client that is quick, and a node too, are no reason to leave others without a turn.
      if (all >= turnBytes) return all;
    }
  }

  return(): Promise<Result> {
    const wasOpen = this.#state === 'open';
    if (this.#lent) this.#buffers.give(this.#lent.buffer);
    this.#lent = undefined;
    this.#over();
    this.#settle();
    if (wasOpen) this.#source.left();
    return Promise.resolve(end);
  }

  /** @throws ProtocolError */
  #came(lengthBytes: number): void {
    this.#missingBytes -= lengthBytes;
    if (this.#missingBytes < 0) throw new ProtocolError('a body is longer than its range');
    const waiting = this.#waiting;
    if (!waiting) return;
    this.#waiting = undefined;
    if (this.#passesOn && this.#queue.hasPiped) {
      waiting.resolve({ done: false, value: nothing });
      return;
    }
    this.#lent = this.#queue.shift('all');
    waiting.resolve({ done: false, value: this.#lent?.bytes ?? nothing });
  }

  #giveBack(): void {
    const lent = this.#lent;
    if (!lent) return;
    this.#lent = undefined;
    this.#buffers.give(lent.buffer);
    this.#read(lent.bytes.length);
  }

  #read(lengthBytes: number): void {
    this.#readBytes += lengthBytes;
    if (this.#readBytes < this.#grantBytes || this.#state !== 'open') return;
    this.#source.grant(this.#readBytes);
    this.#readBytes = 0;
  }

  #over(): void {
    this.#state = 'returned';
    this.#queue.close();
  }

  #settle(): void {
    const waiting = this.#waiting;
    if (!waiting) return;
    this.#waiting = undefined;
    this.#over();
    waiting.resolve(end);
  }
}
