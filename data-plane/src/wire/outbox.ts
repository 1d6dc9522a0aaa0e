/**
 * What a connection sends. Small frames wait for the end of the turn and leave together in one write; bytes
 * of pages leave from where they lie, and parts of files by sendfile(2), which needs the socket to itself
 * until its frame is out (server/file-frame.ts).
 */
import type { Socket } from 'node:net';
import { descriptorOf } from '@forebay/core/socket-descriptor';
import type { Syscalls } from '@forebay/core/syscalls';
import { flagEnd, frameType, headerBytes, writeHeader } from './frame.ts';

const batchBytes = 128 * 1024;
/** Longer bodies are not copied. */
const copiedBytesMax = 16 * 1024;
const idleBatchesMax = 16;
const none = new Uint8Array(0);

const idleBatches: Buffer[] = [];

function giveBatch(batch: Buffer): void {
  if (idleBatches.length < idleBatchesMax) idleBatches.push(batch);
}

interface FrameExtras {
  readonly flags?: number;
  /** Must stay as it is: it may leave later. */
  readonly body?: Uint8Array;
}

export class Outbox {
  readonly #socket: Socket;
  readonly #syscalls: Syscalls | undefined;
  #batch: Buffer | undefined;
  /** Of the batch: what is in `#chunks` already, and what is written. */
  #batchFrom = 0;
  #batchEnd = 0;
  #chunks: Uint8Array[] = [];
  #holds = 0;
  #scheduled = false;
  /** A frame is on its way in several steps. */
  #busy = false;
  readonly #turns: (() => void)[] = [];

  /** @param syscalls undefined: files are read and written */
  constructor(socket: Socket, syscalls: Syscalls | undefined) {
    this.#socket = socket;
    this.#syscalls = syscalls;
  }

  get sendsFiles(): boolean {
    return this.#syscalls !== undefined && descriptorOf(this.#socket) !== undefined;
  }

  /** Frames until `release` leave together. */
  hold(): void {
    this.#holds += 1;
  }

  release(): void {
    this.#holds -= 1;
    if (this.#holds === 0) this.flush();
  }

  /** Sends a frame at the end of the turn, or of the hold. `meta` is copied. */
  frame(
    type: number,
    stream: number,
    meta: Uint8Array = none,
    { flags = 0, body = none }: FrameExtras = {},
  ): void {
    if (this.#socket.destroyed) return;
    const payloadBytes = meta.byteLength + body.byteLength;
    const header = { payloadBytes, metaBytes: meta.byteLength, stream, type, flags };
    const copied = body.byteLength <= copiedBytesMax;
    const room = headerBytes + meta.byteLength + (copied ? body.byteLength : 0);
    if (room > batchBytes) {
      writeHeader(this.#roomFor(headerBytes), this.#batchEnd - headerBytes, header);
      this.#chunk(Buffer.from(meta));
    } else {
      const batch = this.#roomFor(room);
      const at = this.#batchEnd - room;
      writeHeader(batch, at, header);
      batch.set(meta, at + headerBytes);
      if (copied) batch.set(body, at + headerBytes + meta.byteLength);
    }
    if (!copied) this.#chunk(body);
    this.#flushSoon();
  }

  /** A data frame of bytes that are only lent. Resolves when the system has taken them, or nobody will. */
  async data(stream: number, bytes: Uint8Array, isLast: boolean): Promise<void> {
    while (this.#busy) await this.turn();
    this.#dataHeader(stream, bytes.byteLength, isLast);
    this.#chunk(bytes);
    const written = new Promise<void>((resolve) => this.#write(resolve));
    this.nextTurn();
    await written;
  }

  /** Whether a frame in several steps may begin now: then nothing else leaves until `endSteps`. */
  beginSteps(): boolean {
    if (this.#busy) return false;
    this.#busy = true;
    return true;
  }

  endSteps(): void {
    this.#busy = false;
    this.flush();
    this.nextTurn();
  }

  /** Who waited for a turn and does not begin hands it on. */
  nextTurn(): void {
    if (!this.#busy) this.#turns.shift()?.();
  }

  /** Resolves when it is worth another try to begin: one after the other, in the order in which they came. */
  turn(): Promise<void> {
    return this.#busy ? new Promise((resolve) => this.#turns.push(resolve)) : Promise.resolve();
  }

  /**
   * In several steps: the frame's header, with all frames that wait. What it says must follow, by `write` and
   * `sendFile`: in one packet with it, where the system can.
   */
  dataHeader(stream: number, lengthBytes: number, isLast: boolean): void {
    this.#dataHeader(stream, lengthBytes, isLast);
    if (!this.#sendMore()) this.#write(undefined);
  }

  /**
   * In several steps: bytes that are only lent, before all frames that wait. Resolves when the system has
   * taken them, or nobody will.
   */
  write(bytes: Uint8Array): Promise<void> {
    return new Promise((resolve) => this.#socket.write(bytes, () => resolve()));
  }

  /** Whether the system has all that was written: only then may a file follow. */
  get isDrained(): boolean {
    return this.#socket.writableLength === 0;
  }

  /** @returns what sendfile(2) does; undefined where files cannot be sent */
  sendFile(file: number, offset: number, lengthBytes: number): number | undefined {
    const socket = descriptorOf(this.#socket);
    return socket === undefined ? undefined : this.#syscalls?.sendfile(socket, file, offset, lengthBytes);
  }

  get isClosed(): boolean {
    return this.#socket.destroyed;
  }

  /** A frame that was begun cannot be ended: neither can anything after it be sent. */
  destroy(): void {
    this.#socket.destroy();
  }

  #dataHeader(stream: number, payloadBytes: number, isLast: boolean): void {
    const batch = this.#roomFor(headerBytes);
    const flags = isLast ? flagEnd : 0;
    const header = { payloadBytes, metaBytes: 0, stream, type: frameType.data, flags };
    writeHeader(batch, this.#batchEnd - headerBytes, header);
  }

  /** A batch with room, which is taken: it ends at `#batchEnd`. */
  #roomFor(lengthBytes: number): Buffer {
    let batch = this.#batch;
    if (!batch || this.#batchEnd + lengthBytes > batch.length) {
      if (batch) this.#closeBatch(batch);
      batch = idleBatches.pop() ?? Buffer.allocUnsafeSlow(batchBytes);
      this.#batch = batch;
    }
    this.#batchEnd += lengthBytes;
    return batch;
  }

  /** Full: it goes with what is before it, and the collector has it later. */
  #closeBatch(batch: Buffer): void {
    if (this.#batchEnd > this.#batchFrom) this.#chunks.push(batch.subarray(this.#batchFrom, this.#batchEnd));
    this.#batch = undefined;
    this.#batchFrom = 0;
    this.#batchEnd = 0;
  }

  #chunk(bytes: Uint8Array): void {
    const batch = this.#batch;
    if (batch && this.#batchEnd > this.#batchFrom) {
      this.#chunks.push(batch.subarray(this.#batchFrom, this.#batchEnd));
      this.#batchFrom = this.#batchEnd;
    }
    this.#chunks.push(bytes);
  }

  #flushSoon(): void {
    if (this.#holds > 0 || this.#scheduled || this.#busy) return;
    this.#scheduled = true;
    // After all sockets that are readable now: what they ask for leaves together.
    setImmediate(() => {
      this.#scheduled = false;
      this.flush();
    });
  }

  /** Sends what waits, unless a frame is on its way in several steps. */
  flush(): void {
    if (!this.#busy && (this.#chunks.length > 0 || this.#batchEnd > this.#batchFrom)) this.#write(undefined);
  }

  /** Sends the batch in this tick, if it is all that waits. False: it waits as before. */
  #sendMore(): boolean {
    const batch = this.#batch;
    const socket = descriptorOf(this.#socket);
    if (!batch || !this.#syscalls || socket === undefined || this.#chunks.length > 0) return false;
    if (!this.isDrained || this.isClosed) return false;
    const sent = this.#syscalls.sendMore(socket, batch.subarray(this.#batchFrom, this.#batchEnd));
    this.#batchFrom += Math.max(0, sent);
    if (this.#batchFrom < this.#batchEnd) return false;
    this.#batchFrom = 0;
    this.#batchEnd = 0;
    return true;
  }

  #write(onWritten: (() => void) | undefined): void {
    const batch = this.#batch;
    if (batch) this.#closeBatch(batch);
    const chunks = this.#chunks;
    this.#chunks = [];
    const over = () => {
      if (batch) giveBatch(batch);
      onWritten?.();
    };
    const socket = this.#socket;
    const last = chunks.length - 1;
    if (last < 0 || socket.destroyed) over();
    else if (last === 0) socket.write(chunks[0]!, over);
    else {
      socket.cork();
      for (let index = 0; index < last; index += 1) socket.write(chunks[index]!);
      socket.write(chunks[last]!, over);
      socket.uncork();
    }
  }
}
