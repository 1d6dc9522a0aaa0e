/**
 * The node's side of one connection: handshake, then streams. Each stream is one open or one call, and ends
 * with its answer, its last data frame or its failure. What does not follow the protocol ends the connection.
 */
import type { Socket } from 'node:net';
import type { CacheNode, PageOwner } from '@forebay/core/cache-node';
import type { Log } from '@forebay/core/log';
import type { Syscalls } from '@forebay/core/syscalls';
import type { Tracer } from '@forebay/core/tracing';
import { type FrameHeader, frameType, handshakeTypeMax, ProtocolError } from '../wire/frame.ts';
import { FrameReader, type FrameSink } from '../wire/frame-reader.ts';
import { fromJson } from '../wire/meta.ts';
import type { MountNames } from '../wire/mount-names.ts';
import type { KnownInfos } from '../wire/open-answer.ts';
import { Outbox } from '../wire/outbox.ts';
import { ReadBuffers } from '../wire/read-buffers.ts';
import { type Calls, callerLost } from './calls.ts';
import { Doorman } from './doorman.ts';
import type { OpenFences } from './open-fences.ts';
import { CallStream, OpenStream, ReadStream, refuseStream, type ServerStream } from './streams.ts';

/** A node of a cluster gives pages as well. */
export type ServedNode = CacheNode & Partial<Pick<PageOwner, 'read'>>;

export interface ConnectionDeps {
  readonly node: ServedNode;
  readonly infos: KnownInfos;
  readonly names: MountNames;
  readonly calls: Calls;
  readonly fences: OpenFences;
  readonly secret: string;
  readonly streamsPerConnectionMax: number;
  readonly handshakeTimeoutMs: number;
  readonly syscalls: Syscalls | undefined;
  readonly log: Log;
  /** Undefined: nothing is traced here. */
  readonly tracer: Tracer | undefined;
}

/** With more than this unsent nothing further is read: answers would pile up for a client that reads none. */
const unsentBytesMax = 4 * 1024 * 1024;
/** Never used: clients send no data frames. */
const noBuffers = new ReadBuffers({ keptBytesMax: 0 });

export class ServerConnection implements FrameSink {
  readonly outbox: Outbox;
  readonly deps: ConnectionDeps;
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  readonly #doorman: Doorman;
  readonly #streams = new Map<number, ServerStream>();
  #clientId: string | undefined;
  #latestStream = 0;

  constructor(socket: Socket, deps: ConnectionDeps) {
    this.#socket = socket;
    this.deps = deps;
    this.outbox = new Outbox(socket, deps.syscalls);
    this.#reader = new FrameReader(this, noBuffers);
    this.#doorman = new Doorman(deps, this.outbox);
    const timer = setTimeout(() => {
      if (this.#clientId === undefined) this.#end(new ProtocolError('no handshake in time'));
    }, deps.handshakeTimeoutMs);
    socket.on('data', (bytes: Buffer) => this.#onBytes(bytes));
    socket.on('drain', () => socket.resume());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      clearTimeout(timer);
      this.#closed();
    });
  }

  get clientId(): string {
    return this.#clientId ?? '';
  }

  get streamCount(): number {
    return this.#streams.size;
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** A stream is over: its last frame was handed to the outbox. */
  over(stream: number): void {
    this.#streams.delete(stream);
  }

  onHeader({ type }: Readonly<FrameHeader>): void {
    if (type <= handshakeTypeMax !== (this.#clientId === undefined)) {
      throw new ProtocolError(`a frame of type ${type} at the wrong time`);
    }
    if (type >= frameType.answer) throw new ProtocolError(`a client sends no frame of type ${type}`);
  }

  onFrame({ type, stream }: Readonly<FrameHeader>, meta: Buffer, body: Buffer): void {
    switch (type) {
      case frameType.open:
        this.#begin(new OpenStream(this, stream), stream, meta);
        break;
      case frameType.read:
        this.#begin(new ReadStream(this, stream), stream, meta);
        break;
      case frameType.call:
        this.#call(stream, meta);
        break;
      case frameType.credit:
        if (body.length !== 4) throw new ProtocolError('a credit of no size');
        this.#streams.get(stream)?.grant(body.readUInt32LE(0));
        break;
      case frameType.cancel:
        this.#streams.get(stream)?.leave();
        break;
      case frameType.ping:
        this.outbox.frame(frameType.pong, 0);
        break;
      default:
        this.#shakeHands(type, meta);
    }
  }

  wantsData(): boolean {
    return false;
  }

  relays(): boolean {
    return false;
  }

  draw(): number {
    return 0;
  }

  wakeAt(): void {}

  onData(): void {}

  onDataEnd(): void {}

  #begin(answered: OpenStream | ReadStream, stream: number, meta: Buffer): void {
    if (!this.#mayBegin(stream)) return;
    // Before it begins: it may be over at once.
    this.#streams.set(stream, answered);
    answered.begin(meta);
  }

  #call(stream: number, meta: Buffer): void {
    if (!this.#mayBegin(stream)) return;
    const { name, ...parameters } = fromJson(meta);
    const call = new CallStream(this, stream);
    this.#streams.set(stream, call);
    void call.run(name, parameters);
  }

  /** @throws ProtocolError where the stream's number was used already */
  #mayBegin(stream: number): boolean {
    if (stream <= this.#latestStream) throw new ProtocolError(`stream ${stream} begins out of order`);
    this.#latestStream = stream;
    if (this.#streams.size < this.deps.streamsPerConnectionMax) return true;
    refuseStream(this.outbox, stream);
    return false;
  }

  #shakeHands(type: number, meta: Buffer): void {
    const clientId = this.#doorman.take(type, meta);
    if (clientId === undefined) return;
    this.#clientId = clientId;
    this.deps.fences.connected(clientId);
  }

  #onBytes(bytes: Buffer): void {
    this.outbox.hold();
    try {
      this.#reader.push(bytes);
    } catch (error) {
      this.#end(error);
    } finally {
      this.outbox.release();
    }
    if (this.#socket.writableLength > unsentBytesMax) this.#socket.pause();
  }

  /** The other side does not follow the protocol, or we do not. */
  #end(error: unknown): void {
    if (this.#socket.destroyed) return;
    const peer = this.#socket.remoteAddress;
    this.deps.log.warn({ peer, reason: String(error) }, 'a connection of the data plane is ended');
    this.#doorman.refuse(error);
    this.outbox.flush();
    this.#socket.removeAllListeners('data');
    this.#socket.pause();
    this.#socket.destroySoon();
  }

  #closed(): void {
    this.#reader.close();
    const streams = [...this.#streams.values()];
    this.#streams.clear();
    for (const stream of streams) stream.leave(callerLost);
    if (this.#clientId !== undefined) this.deps.fences.disconnected(this.#clientId);
  }
}
