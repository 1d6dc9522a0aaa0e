/**
 * Takes the bytes of a connection apart into frames. Whole frames are shown where they lie; one that came in
 * part is put together in a buffer that the socket then reads into directly, so that bytes of pages are
 * copied once, by the system.
 */
import { type FrameHeader, frameType, headerBytes, ProtocolError, readHeader } from './frame.ts';
import { largestBufferBytes, type ReadBuffers } from './read-buffers.ts';

export interface FrameSink {
  /** Called before anything of a frame is kept. @throws ProtocolError where it may not come now */
  onHeader(header: Readonly<FrameHeader>): void;
  /** A whole frame that is not of type data. `meta` and `body` are valid during the call. */
  onFrame(header: Readonly<FrameHeader>, meta: Buffer, body: Buffer): void;
  /** Whether anybody wants the bytes of this data frame; where not, they are thrown away. */
  wantsData(stream: number): boolean;
  /** Whether the bytes of this data frame may be drawn out of the socket past this process. */
  relays(stream: number): boolean;
  /** Draws what is there, up to so many bytes. @returns how many; 0 where they must be read */
  draw(stream: number, lengthBytes: number): number;
  /** The socket need not tell of fewer bytes than these. */
  wakeAt(lengthBytes: number): void;
  /** Bytes of a data frame, at the beginning of a buffer that is the sink's from now on. */
  onData(stream: number, bytes: Buffer, buffer: Buffer): void;
  /** A data frame is over, wanted or not. */
  onDataEnd(header: Readonly<FrameHeader>): void;
}

const none = Buffer.alloc(0);
/** What the socket reads into between frames. */
const controlBytes = 64 * 1024;
/** Fewer are not worth being woken for, if more are to come. */
const wakeBytesMax = 512 * 1024;
/** After a data frame comes another, mostly: then little is read beside its own buffer. */
const besideDataBytes = 4 * 1024;

export class FrameReader {
  readonly #sink: FrameSink;
  readonly #buffers: ReadBuffers;
  readonly #header: FrameHeader = { payloadBytes: 0, metaBytes: 0, stream: 0, type: 0, flags: 0 };
  readonly #head = Buffer.alloc(headerBytes);
  #headFilled = 0;
  #state: 'header' | 'frame' | 'data' | 'relay' | 'discard' = 'header';
  /** Bytes of the frame's payload that have not come. */
  #missing = 0;
  /** What they go into, but for `discard`. */
  #target: Buffer = none;
  #filled = 0;
  /** How far `#target` is to be filled. */
  #wanted = 0;
  #control: Buffer = none;
  #readsTarget = false;
  #lastWasData = false;
  #wakeAt = 1;

  constructor(sink: FrameSink, buffers: ReadBuffers) {
    this.#sink = sink;
    this.#buffers = buffers;
  }

  /** Where the socket's next bytes go; `onRead` tells how many came. */
  nextBuffer(): Buffer {
    this.#readsTarget = this.#state === 'frame' || this.#state === 'data';
    if (this.#readsTarget) return this.#target.subarray(this.#filled, this.#wanted);
    if (this.#control.length === 0) this.#control = Buffer.allocUnsafeSlow(controlBytes);
    return this.#lastWasData ? this.#control.subarray(0, besideDataBytes) : this.#control;
  }

  /** @throws ProtocolError, and what the sink throws */
  onRead(lengthBytes: number): void {
    if (!this.#readsTarget) {
      this.push(this.#control.subarray(0, lengthBytes));
      return;
    }
    this.#filled += lengthBytes;
    this.#missing -= lengthBytes;
    if (this.#filled === this.#wanted) this.#targetFull();
  }

  /** Takes bytes that came by another way. @throws ProtocolError, and what the sink throws */
  push(bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length) {
      at = this.#state === 'header' ? this.#takeHeader(bytes, at) : this.#takePayload(bytes, at);
    }
    // What came is used up: the frame goes on in the socket.
    if (this.#state === 'relay') this.#draw();
    else this.#wake(1);
  }

  /** Goes on with a frame of this stream that is drawn, where it is its turn. @throws as `push` */
  drawMore(stream: number): void {
    if (this.#state === 'relay' && this.#header.stream === stream) this.#draw();
  }

  /** Gives back what it holds. Nothing may come any more. */
  close(): void {
    if (this.#state === 'data') this.#buffers.give(this.#target);
    this.#state = 'discard';
    this.#missing = Number.POSITIVE_INFINITY;
  }

  #takeHeader(bytes: Buffer, at: number): number {
    if (this.#headFilled === 0 && bytes.length - at >= headerBytes) {
      readHeader(bytes, at, this.#header);
      return this.#begin(bytes, at + headerBytes);
    }
    const length = Math.min(headerBytes - this.#headFilled, bytes.length - at);
    bytes.copy(this.#head, this.#headFilled, at, at + length);
    this.#headFilled += length;
    if (this.#headFilled < headerBytes) return at + length;
    this.#headFilled = 0;
    readHeader(this.#head, 0, this.#header);
    return this.#begin(bytes, at + length);
  }

  /** @returns where the next frame begins, or the rest of this one goes on */
  #begin(bytes: Buffer, at: number): number {
    const header = this.#header;
    this.#sink.onHeader(header);
    this.#lastWasData = header.type === frameType.data;
    const endExclusive = at + header.payloadBytes;
    if (this.#lastWasData) {
      if (header.metaBytes > 0) throw new ProtocolError('a data frame has no meta part');
      this.#missing = header.payloadBytes;
      this.#beginData();
      return at;
    }
    if (endExclusive <= bytes.length) {
      this.#show(bytes, at);
      return endExclusive;
    }
    this.#state = 'frame';
    this.#missing = header.payloadBytes;
    this.#target = Buffer.allocUnsafeSlow(header.payloadBytes);
    this.#filled = 0;
    this.#wanted = header.payloadBytes;
    return at;
  }

  #beginData(): void {
    if (this.#missing === 0) {
      this.#state = 'header';
      this.#sink.onDataEnd(this.#header);
    } else if (this.#sink.relays(this.#header.stream)) {
      this.#state = 'relay';
    } else if (this.#sink.wantsData(this.#header.stream)) {
      this.#state = 'data';
      this.#target = this.#buffers.take(this.#missing);
      this.#filled = 0;
      this.#wanted = Math.min(this.#target.length, this.#missing);
    } else this.#state = 'discard';
  }

  #takePayload(bytes: Buffer, at: number): number {
    if (this.#state === 'relay') return this.#takeRelayed(bytes, at);
    if (this.#state === 'discard') {
      const length = Math.min(this.#missing, bytes.length - at);
      this.#missing -= length;
      if (this.#missing === 0) this.#beginData();
      return at + length;
    }
    const length = Math.min(this.#wanted - this.#filled, bytes.length - at);
    bytes.copy(this.#target, this.#filled, at, at + length);
    this.#filled += length;
    this.#missing -= length;
    if (this.#filled === this.#wanted) this.#targetFull();
    return at + length;
  }

  /** What was read with the header, or to learn that there is more. */
  #takeRelayed(bytes: Buffer, at: number): number {
    const length = Math.min(this.#missing, bytes.length - at, largestBufferBytes);
    const buffer = this.#buffers.take(length);
    bytes.copy(buffer, 0, at, at + length);
    this.#missing -= length;
    this.#sink.onData(this.#header.stream, buffer.subarray(0, length), buffer);
    if (this.#missing === 0 || !this.#sink.relays(this.#header.stream)) this.#beginData();
    return at + length;
  }

  #draw(): void {
    this.#missing -= this.#sink.draw(this.#header.stream, this.#missing);
    // Its reader may have left: then the rest is thrown away.
    this.#beginData();
    // Never more than this frame still has: what comes after it is not waited for.
    this.#wake(this.#state === 'relay' ? Math.min(this.#missing, wakeBytesMax) : 1);
  }

  #wake(lengthBytes: number): void {
    if (lengthBytes === this.#wakeAt) return;
    this.#wakeAt = lengthBytes;
    this.#sink.wakeAt(lengthBytes);
  }

  #targetFull(): void {
    const target = this.#target;
    this.#target = none;
    if (this.#state === 'data') {
      // Before the sink may look for the next frame: what it throws must find the reader whole.
      this.#state = 'discard';
      this.#sink.onData(this.#header.stream, target.subarray(0, this.#wanted), target);
      this.#beginData();
    } else {
      this.#state = 'header';
      this.#show(target, 0);
    }
  }

  #show(bytes: Buffer, at: number): void {
    const { metaBytes, payloadBytes } = this.#header;
    const body = bytes.subarray(at + metaBytes, at + payloadBytes);
    this.#sink.onFrame(this.#header, bytes.subarray(at, at + metaBytes), body);
  }
}
