/**
 * Writes the body of an answer to a client, piece after piece: the next is asked for only once the last has
 * left this process, because a piece is lent until then. Parts of files go from the page cache to the socket
 * without a copy (sendfile), wherever nothing lies before them in Node's own buffers. The same bytes either
 * way.
 */
import { readSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type FileSlice, isRelayed, isSliced, type RelayedBody, type SlicedBody } from '@forebay/core/pieces';
import { descriptorOf } from '@forebay/core/socket-descriptor';
import { type Syscalls, syscalls } from '@forebay/core/syscalls';

export interface Sent {
  readonly bodyBytes: number;
  /**
   * `whole`: everything went to the socket. `client-gone`: the client left first. `cut`: the body failed and
   * the connection was destroyed; `cause` is what failed.
   */
  readonly end: 'whole' | 'client-gone' | 'cut';
  readonly cause?: unknown;
}

/** What one client gets before others have their turn. */
const turnBytesMax = 4 * 1024 * 1024;
/**
 * A socket that takes no more is waited for by writing so much through Node, which asks the system when there
 * is room again.
 */
const waitingBytes = 16 * 1024;
const eintr = -4;
const eagain = -11;
/** EPIPE, ENOTCONN, ECONNRESET, ETIMEDOUT. */
const goneCodes = new Set([-32, -107, -104, -110]);

const idleBuffers: Buffer[] = [];
const idleBuffersMax = 64;

interface BodyOptions {
  /** Infinite where it is unknown. */
  readonly lengthBytes: number;
  readonly zeroCopy: boolean;
  /** The head needs no first piece to go with. */
  readonly isBegun?: boolean;
}

/** The head is written, but maybe not sent. Never throws. */
export async function writeBody(
  outgoing: ServerResponse,
  body: AsyncIterable<Uint8Array>,
  { lengthBytes, zeroCopy, isBegun = false }: BodyOptions,
): Promise<Sent> {
  const calls = zeroCopy && isSliced(body) ? syscalls() : undefined;
  const writer = new BodyWriter(outgoing, lengthBytes);
  try {
    if (calls) await writer.writeSlices(body as SlicedBody, calls);
    else if (zeroCopy && isRelayed(body)) await writer.writeRelayed(body, isBegun);
    else await writer.writePieces(body);
    return writer.sent();
  } catch (cause) {
    const gone = outgoing.destroyed;
    outgoing.destroy();
    return { bodyBytes: writer.bodyBytes, end: gone ? 'client-gone' : 'cut', cause };
  } finally {
    writer.end();
  }
}

class BodyWriter {
  readonly #outgoing: ServerResponse;
  readonly #lengthBytes: number;
  bodyBytes = 0;
  #turnBytes = 0;
  #taken = () => {};

  constructor(outgoing: ServerResponse, lengthBytes: number) {
    this.#outgoing = outgoing;
    this.#lengthBytes = lengthBytes;
    outgoing.on('close', this.#settle);
  }

  async writePieces(body: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const bytes of body) {
      if (this.#outgoing.destroyed) return;
      this.#count(bytes.byteLength);
      await this.#write(bytes);
    }
  }

  async writeSlices(body: SlicedBody, calls: Syscalls): Promise<void> {
    try {
      // The first part of a file goes right behind the head.
      this.#outgoing.flushHeaders();
      let maySlice = true;
      while (!this.#outgoing.destroyed) {
        const slices = maySlice && freeDescriptor(this.#outgoing) !== undefined;
        maySlice = true;
        const next = slices ? body.nextSlice() : (await body.next()).value;
        const piece = next instanceof Promise ? await next : next;
        if (piece === undefined) return;
        if (!(piece instanceof Uint8Array)) maySlice = await this.#sendSlice(body, piece, calls);
        else if (!this.#outgoing.destroyed) {
          this.#count(piece.byteLength);
          await this.#write(piece);
        }
      }
    } finally {
      await body.return?.();
    }
  }

  /** What the system has goes from socket to socket; the rest as pieces do, the head with the first one. */
  async writeRelayed(body: RelayedBody, isHeadSent: boolean): Promise<void> {
    try {
      let isBegun = isHeadSent;
      while (!this.#outgoing.destroyed) {
        const socket = isBegun ? freeDescriptor(this.#outgoing) : undefined;
        const passed = socket === undefined ? 0 : body.passOn(socket);
        if (passed > 0) {
          this.#count(passed);
          await this.#endTurn(passed);
          continue;
        }
        const { value } = await body.next();
        if (value === undefined || this.#outgoing.destroyed) return;
        if (value.byteLength === 0) continue;
        this.#count(value.byteLength);
        await this.#write(value);
        isBegun = true;
      }
    } finally {
      await body.return?.();
    }
  }

  /** How it ended, where nothing was thrown. @throws Error where the body was too short */
  sent(): Sent {
    const { bodyBytes } = this;
    if (bodyBytes === this.#lengthBytes) return { bodyBytes, end: 'whole' };
    if (this.#outgoing.destroyed) return { bodyBytes, end: 'client-gone' };
    if (this.#lengthBytes === Number.POSITIVE_INFINITY) return { bodyBytes, end: 'whole' };
    throw new Error('the body is shorter than its content-length');
  }

  end(): void {
    this.#outgoing.off('close', this.#settle);
  }

  /**
   * Sends what the socket takes of a slice and gives the rest back. False where it cannot be sent from the
   * file: it must be read, which tells what is wrong with it.
   */
  async #sendSlice(body: SlicedBody, slice: FileSlice, calls: Syscalls): Promise<boolean> {
    const { file, offset, lengthBytes } = slice;
    const socket = freeDescriptor(this.#outgoing);
    if (socket === undefined) {
      body.unread(lengthBytes);
      return true;
    }
    this.#checkRoom(lengthBytes);
    let sent = eintr;
    while (sent === eintr) sent = calls.sendfile(socket, file, offset, lengthBytes);
    if (sent === lengthBytes) {
      this.bodyBytes += sent;
      return this.#endTurn(sent);
    }
    if (sent <= 0 && sent !== eagain) {
      body.unread(lengthBytes);
      if (goneCodes.has(sent)) this.#outgoing.destroy();
      return false;
    }
    return this.#waitWithin(body, slice, Math.max(sent, 0));
  }

  /** The socket is full. What follows goes through Node's buffers, and is on its way when there is room. */
  async #waitWithin(
    body: SlicedBody,
    { file, offset, lengthBytes }: FileSlice,
    sentBytes: number,
  ): Promise<boolean> {
    this.bodyBytes += sentBytes;
    const leftBytes = lengthBytes - sentBytes;
    const buffer = idleBuffers.pop() ?? Buffer.allocUnsafeSlow(waitingBytes);
    const askedBytes = Math.min(leftBytes, waitingBytes);
    const readBytes = readOrNothing(file, buffer.subarray(0, askedBytes), offset + sentBytes);
    body.unread(leftBytes - readBytes);
    this.bodyBytes += readBytes;
    if (readBytes > 0) await this.#write(buffer.subarray(0, readBytes));
    if (idleBuffers.length < idleBuffersMax) idleBuffers.push(buffer);
    return readBytes === askedBytes;
  }

  async #endTurn(sentBytes: number): Promise<true> {
    this.#turnBytes += sentBytes;
    if (this.#turnBytes < turnBytesMax) return true;
    this.#turnBytes = 0;
    // Node has not seen that something moves here.
    const { socket } = this.#outgoing;
    if (socket?.timeout) socket.setTimeout(socket.timeout);
    await nextTurn();
    return true;
  }

  #count(bytes: number): void {
    this.#checkRoom(bytes);
    this.bodyBytes += bytes;
  }

  #checkRoom(bytes: number): void {
    if (this.bodyBytes + bytes > this.#lengthBytes) {
      throw new Error('the body is longer than its content-length');
    }
  }

  /** Resolves when nobody will look at the bytes any more: they are the system's, or the client is gone. */
  #write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => {
      this.#taken = resolve;
      this.#outgoing.write(bytes, this.#settle);
      if (this.#outgoing.destroyed) resolve();
    });
  }

  readonly #settle = (): void => this.#taken();
}

/**
 * The descriptor of a connection where all that was written before is the system's; undefined where it is
 * not, or the answer has no connection yet because others go before it.
 */
function freeDescriptor({ socket, writableLength }: ServerResponse): number | undefined {
  return socket && writableLength === 0 ? descriptorOf(socket) : undefined;
}

/** Fewer bytes, or none, where they cannot be read. */
function readOrNothing(file: number, buffer: Buffer, offset: number): number {
  try {
    return readSync(file, buffer, 0, buffer.byteLength, offset);
  } catch {
    return 0;
  }
}
