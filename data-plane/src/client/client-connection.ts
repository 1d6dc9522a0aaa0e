/**
 * The gateway's side of one connection to a node: handshake, then as many streams at a time as are asked
 * for. Its socket reads into buffers that are used again, those of bodies directly.
 */
import { connect, type Socket } from 'node:net';
import type {
  AbsentObject,
  OpenedObject,
  OpenedPages,
  OpenedSoon,
  OpenRequest,
  ReadRequest,
} from '@forebay/core/cache-node';
import { descriptorOf } from '@forebay/core/socket-descriptor';
import { inSpan, spanNow } from '@forebay/core/tracing';
import { type FrameHeader, flagEnd, frameType, handshakeTypeMax, ProtocolError } from '../wire/frame.ts';
import { FrameReader, type FrameSink } from '../wire/frame-reader.ts';
import { fromJson, MetaWriter, toJson } from '../wire/meta.ts';
import type { KnownInfos } from '../wire/open-answer.ts';
import { writeOpen } from '../wire/open-request.ts';
import { Outbox } from '../wire/outbox.ts';
import { writeRead } from '../wire/page-read.ts';
import type { ReadBuffers } from '../wire/read-buffers.ts';
import { OpenStream, ReadStream } from './answered-streams.ts';
import { type CallOptions, CallStream } from './call-stream.ts';
import { type ClientStream, ConnectionLost, type StreamHost } from './client-stream.ts';
import type { RelayPipes } from './relay-pipes.ts';
import { Visitor } from './visitor.ts';

export interface ClientConnectionOptions {
  readonly address: { readonly host: string; readonly port: number };
  readonly secret: string;
  readonly clientId: Buffer;
  readonly connectTimeoutMs: number;
  /** Without a word from the node for so long while something is asked of it, the connection is given up. */
  readonly silenceMs: number;
  readonly windowBytes: number;
  readonly buffers: ReadBuffers;
  /** Undefined: bodies are read and written. */
  readonly pipes: RelayPipes | undefined;
  readonly infos: KnownInfos;
  readonly onClose: (connection: ClientConnection) => void;
}

/** Numbers of streams are never used again: with the last of them the connection takes no more. */
const streamMax = 0xffff_ffff;
const openMeta = new MetaWriter();
const creditBytes = Buffer.alloc(4);

export class ClientConnection implements FrameSink, StreamHost {
  nodeId = '';
  readonly buffers: ReadBuffers;
  readonly pipes: RelayPipes | undefined;
  readonly infos: KnownInfos;
  readonly windowBytes: number;
  readonly #socket: Socket;
  readonly #outbox: Outbox;
  readonly #reader: FrameReader;
  readonly #visitor: Visitor;
  readonly #streams = new Map<number, ClientStream>();
  readonly #ready = Promise.withResolvers<void>();
  readonly #options: ClientConnectionOptions;
  #latestStream = 0;
  #isReady = false;
  #failure: Error | undefined;
  /** Whether anything came since the last look. */
  #heard = true;
  #asked = false;
  #hearing: PromiseWithResolvers<void> | undefined;
  readonly #afterRead: (() => void)[] = [];

  constructor(options: ClientConnectionOptions) {
    this.#options = options;
    this.buffers = options.buffers;
    this.pipes = options.pipes;
    this.infos = options.infos;
    this.windowBytes = options.windowBytes;
    this.#reader = new FrameReader(this, options.buffers);
    this.#socket = inSpan(undefined, () =>
      connect({
        ...{ ...options.address, noDelay: true, keepAlive: true, keepAliveInitialDelay: 15_000 },
        onread: {
          buffer: () => this.#reader.nextBuffer(),
          callback: (lengthBytes) => this.#onRead(lengthBytes),
        },
      }),
    );
    this.#outbox = new Outbox(this.#socket, undefined);
    this.#visitor = new Visitor(options, this.#outbox);
    this.#ready.promise.catch(() => {});
    const reason = `no connection within ${options.connectTimeoutMs} ms`;
    const connecting = setTimeout(() => this.#fail(reason), options.connectTimeoutMs);
    const watch = setInterval(() => this.#look(), options.silenceMs / 2).unref();
    this.#socket.on('connect', () => this.#visitor.greet());
    const decided = () => clearTimeout(connecting);
    this.#ready.promise.then(decided, decided);
    this.#socket.on('end', () => this.#fail('the node closed it'));
    this.#socket.on('error', (error) => this.#fail(error.message));
    this.#socket.on('close', () => {
      clearInterval(watch);
      this.#fail('it is closed');
      options.onClose(this);
    });
    // Its end is seen only while it flows; the bytes go to `onread` all the same.
    this.#socket.resume();
  }

  /** Resolves once streams may begin; rejects with what kept it from it. */
  get ready(): Promise<void> {
    return this.#ready.promise;
  }

  get isReady(): boolean {
    return this.#isReady && !this.#failure;
  }

  get usable(): boolean {
    return !this.#failure && this.#latestStream < streamMax;
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  /** @returns rejects with ConnectionLost, with what the node threw, or with the signal's reason */
  open(request: OpenRequest): Promise<OpenedObject | AbsentObject> {
    return new Promise((resolve, reject) => {
      const done: OpenedSoon = (opened, error) => (opened ? resolve(opened) : reject(error));
      this.openSoon(request, done).watch();
    });
  }

  /** @returns who calls `left` on it is not told of anything any more. @throws ConnectionLost */
  openSoon(request: OpenRequest, done: OpenedSoon): OpenStream {
    const stream = this.#begin();
    const opened = new OpenStream(this, stream, request, done);
    this.#streams.set(stream, opened);
    openMeta.reset();
    writeOpen(openMeta, request, this.windowBytes, spanNow()?.traceparent);
    this.#outbox.frame(frameType.open, stream, openMeta.written);
    return opened;
  }

  /** @returns as `open` */
  read(request: ReadRequest): Promise<OpenedPages> {
    return new Promise((resolve, reject) => {
      const stream = this.#begin();
      const read = new ReadStream(this, stream, request, (pages, error) =>
        pages ? resolve(pages) : reject(error),
      );
      this.#streams.set(stream, read);
      read.watch();
      writeRead(openMeta.reset(), request, this.windowBytes, spanNow()?.traceparent);
      this.#outbox.frame(frameType.read, stream, openMeta.written);
    });
  }

  /** @returns as `open` */
  call(name: string, parameters: Readonly<Record<string, unknown>>, options: CallOptions): Promise<unknown> {
    const stream = this.#begin();
    const call = new CallStream(this, stream, options);
    this.#streams.set(stream, call);
    const asked = { ...parameters, name, traceparent: spanNow()?.traceparent };
    this.#outbox.frame(frameType.call, stream, toJson(asked));
    return call.result;
  }

  /** @returns resolves when anything comes; rejects with ConnectionLost */
  ping(): Promise<void> {
    if (this.#failure) return Promise.reject(this.#failure);
    this.#hearing ??= Promise.withResolvers();
    this.#outbox.frame(frameType.ping, 0);
    return this.#hearing.promise;
  }

  /** Cuts it; streams that are open hear of it. */
  destroy(reason: string): void {
    this.#fail(reason);
  }

  over(stream: number): void {
    this.#streams.delete(stream);
  }

  cancel(stream: number): void {
    this.#outbox.frame(frameType.cancel, stream);
  }

  grant(stream: number, lengthBytes: number): void {
    creditBytes.writeUInt32LE(lengthBytes);
    this.#outbox.frame(frameType.credit, stream, undefined, { body: creditBytes });
  }

  drawMore(stream: number): void {
    this.#guarded(() => this.#reader.drawMore(stream));
  }

  afterRead(tell: () => void): void {
    this.#afterRead.push(tell);
  }

  wakeAt(lengthBytes: number): void {
    const socket = descriptorOf(this.#socket);
    if (socket !== undefined) this.pipes?.syscalls.wakeAtBytes(socket, lengthBytes);
  }

  onHeader({ type, stream }: Readonly<FrameHeader>): void {
    if (type <= handshakeTypeMax === this.#isReady) {
      throw new ProtocolError(`a frame of type ${type} at the wrong time`);
    }
    if (stream > this.#latestStream) throw new ProtocolError(`there was never a stream ${stream}`);
  }

  onFrame({ type, flags, stream }: Readonly<FrameHeader>, meta: Buffer, body: Buffer): void {
    // What comes on a stream that was left is thrown away.
    if (this.#isReady) this.#streams.get(stream)?.onFrame(type, flags, meta, body);
    else if (type === frameType.refused) throw new ProtocolError(String(fromJson(meta).reason));
    else {
      const nodeId = this.#visitor.take(type, meta);
      if (nodeId === undefined) return;
      this.nodeId = nodeId;
      this.#isReady = true;
      this.#ready.resolve();
    }
  }

  wantsData(stream: number): boolean {
    return this.#streams.get(stream)?.wantsData === true;
  }

  relays(stream: number): boolean {
    return this.pipes !== undefined && this.#streams.get(stream)?.relays === true;
  }

  draw(stream: number, lengthBytes: number): number {
    const socket = descriptorOf(this.#socket);
    return (socket !== undefined && this.#streams.get(stream)?.draw(socket, lengthBytes)) || 0;
  }

  onData(stream: number, bytes: Buffer, buffer: Buffer): void {
    const open = this.#streams.get(stream);
    if (open) open.onData(bytes, buffer);
    else this.buffers.give(buffer);
  }

  onDataEnd({ stream, flags }: Readonly<FrameHeader>): void {
    if (flags & flagEnd) this.#streams.get(stream)?.onDataEnd();
  }

  #begin(): number {
    if (this.#failure) throw new ConnectionLost(this.#failure.message);
    this.#latestStream += 1;
    return this.#latestStream;
  }

  /** False would pause the socket; grants bound what may come. */
  #onRead(lengthBytes: number): boolean {
    this.#heard = true;
    this.#hearing?.resolve();
    this.#hearing = undefined;
    this.#guarded(() => this.#reader.onRead(lengthBytes));
    return !this.#failure;
  }

  #guarded(read: () => void): void {
    this.#outbox.hold();
    try {
      read();
    } catch (error) {
      this.#fail(String(error));
    } finally {
      for (let tell = this.#afterRead.shift(); tell; tell = this.#afterRead.shift()) tell();
      this.#outbox.release();
    }
  }

  /** A node that is asked and silent is asked whether it is there, and then given up. */
  #look(): void {
    if (this.#heard || (this.#streams.size === 0 && !this.#hearing)) {
      this.#heard = false;
      this.#asked = false;
    } else if (this.#asked) this.#fail(`the node is silent for ${this.#options.silenceMs} ms`);
    else {
      this.#asked = true;
      this.#outbox.frame(frameType.ping, 0);
    }
  }

  #fail(reason: string): void {
    if (this.#failure) return;
    this.#failure = new ConnectionLost(reason);
    this.#ready.reject(this.#failure);
    this.#hearing?.reject(this.#failure);
    this.#reader.close();
    this.#socket.destroy();
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const stream of streams) stream.onLost(this.#failure);
  }
}
