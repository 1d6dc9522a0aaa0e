/**
 * The head of an answer and what a socket takes at once of a body that lies in files: no streams, no copy and
 * no wait. What is left then goes the usual way (body-writer.ts).
 */
import type { Socket } from 'node:net';
import type { FileSlice, SlicedBody } from '@forebay/core/pieces';
import { descriptorOf } from '@forebay/core/socket-descriptor';
import type { Syscalls } from '@forebay/core/syscalls';

/** What one client gets before others have their turn. */
const turnBytesMax = 4 * 1024 * 1024;

export type Piece = Awaited<ReturnType<SlicedBody['nextSlice']>>;

export interface SlicedAnswer {
  readonly socket: Socket;
  readonly calls: Syscalls;
  readonly head: Uint8Array;
  /** Its first piece, asked for already. */
  readonly first: FileSlice;
  readonly body: SlicedBody;
  readonly lengthBytes: number;
}

export interface Started {
  readonly bodyBytes: number;
  /** What is to be sent yet; undefined where that was all. */
  readonly rest: SlicedBody | undefined;
}

/** The head is with the system or in Node's buffers then. Undefined: nothing is sent and nothing taken. */
export function startSliced(answer: SlicedAnswer): Started | undefined {
  const { socket, calls, head, first, body, lengthBytes } = answer;
  const descriptor = descriptorOf(socket);
  if (descriptor === undefined) {
    body.unread(first.lengthBytes);
    return undefined;
  }
  // In one packet with what follows it.
  const sentHead = Math.max(0, calls.sendMore(descriptor, head));
  if (sentHead < head.length) {
    body.unread(first.lengthBytes);
    socket.write(Buffer.from(head.subarray(sentHead)));
    return { bodyBytes: 0, rest: body };
  }
  let bodyBytes = 0;
  let slice = first;
  for (;;) {
    const room = lengthBytes - bodyBytes;
    if (slice.lengthBytes > room) return { bodyBytes, rest: unreadAll(body, slice) };
    const sent = Math.max(0, calls.sendfile(descriptor, slice.file, slice.offset, slice.lengthBytes));
    bodyBytes += sent;
    if (sent < slice.lengthBytes) {
      body.unread(slice.lengthBytes - sent);
      return { bodyBytes, rest: body };
    }
    if (bodyBytes === lengthBytes) {
      void body.return?.().catch(() => {});
      return { bodyBytes, rest: undefined };
    }
    if (bodyBytes >= turnBytesMax) return { bodyBytes, rest: body };
    const next = nextPieceOf(body);
    if (!isSlice(next)) return { bodyBytes, rest: new ResumedBody(next, body) };
    slice = next;
  }
}

function unreadAll(body: SlicedBody, { lengthBytes }: FileSlice): SlicedBody {
  body.unread(lengthBytes);
  return body;
}

/** What is thrown is told to who goes on with the body. */
export function nextPieceOf(body: SlicedBody): Piece | Promise<Piece> {
  try {
    return body.nextSlice();
  } catch (error) {
    return Promise.reject(error);
  }
}

export function isSlice(piece: Piece | Promise<Piece>): piece is FileSlice {
  return piece !== undefined && 'file' in piece;
}

/** A body whose next piece was asked for already. */
export class ResumedBody implements SlicedBody {
  #next: { readonly piece: Piece | Promise<Piece> } | undefined;
  readonly #body: SlicedBody;

  constructor(piece: Uint8Array | undefined | Promise<Piece>, body: SlicedBody) {
    this.#next = { piece };
    this.#body = body;
    // Who asks for it hears what went wrong.
    if (piece instanceof Promise) piece.catch(() => {});
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  nextSlice(): Piece | Promise<Piece> {
    const next = this.#next;
    this.#next = undefined;
    return next ? next.piece : this.#body.nextSlice();
  }

  unread(lengthBytes: number): void {
    this.#body.unread(lengthBytes);
  }

  async next(): Promise<IteratorResult<Uint8Array, undefined>> {
    const next = this.#next;
    if (!next) return this.#body.next();
    this.#next = undefined;
    const piece = await next.piece;
    if (piece === undefined) return { done: true, value: undefined };
    if (piece instanceof Uint8Array) return { done: false, value: piece };
    this.#body.unread(piece.lengthBytes);
    return this.#body.next();
  }

  async return(): Promise<IteratorResult<Uint8Array, undefined>> {
    this.#next = undefined;
    await this.#body.return?.();
    return { done: true, value: undefined };
  }
}
