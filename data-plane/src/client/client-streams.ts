/** The gateway's side of one stream: an open with its body, or a call. */
import type { OpenedObject, OpenedSoon, OpenRequest } from '@forebay/core/cache-node';
import { ForebayError } from '@forebay/core/errors';
import { flagMore, frameType, inlineBytesMax, ProtocolError } from '../wire/frame.ts';
import { fromJson, fromJsonWithInfinity } from '../wire/meta.ts';
import { type FoundMeta, type KnownInfos, readAnswer } from '../wire/open-answer.ts';
import type { ReadBuffers } from '../wire/read-buffers.ts';
import { errorOf } from '../wire/wire-errors.ts';
import type { RelayPipes } from './relay-pipes.ts';
import { type BodySource, RemoteBody } from './remote-body.ts';

/** The connection broke. Whether the other side did anything is not known. */
export class ConnectionLost extends Error {
  constructor(reason: string) {
    super(`the connection to the cache node is lost: ${reason}`);
    this.name = 'ConnectionLost';
  }
}

/** Every method throws ProtocolError where the frame may not come now. */
export interface ClientStream {
  /** `flags`, `meta` and `body` are of one frame, and valid during the call. */
  onFrame(type: number, flags: number, meta: Buffer, body: Buffer): void;
  readonly wantsData: boolean;
  /** As in FrameSink. */
  readonly relays: boolean;
  draw(socket: number, lengthBytes: number): number;
  onData(bytes: Buffer, buffer: Buffer): void;
  onDataEnd(): void;
  onLost(error: ConnectionLost): void;
}

/** What a stream needs of its connection. */
export interface StreamHost {
  readonly nodeId: string;
  readonly buffers: ReadBuffers;
  readonly pipes: RelayPipes | undefined;
  readonly infos: KnownInfos;
  readonly windowBytes: number;
  /** Nothing more comes on it. */
  over(stream: number): void;
  cancel(stream: number): void;
  grant(stream: number, lengthBytes: number): void;
  drawMore(stream: number): void;
}

export class OpenStream implements ClientStream, BodySource {
  readonly #host: StreamHost;
  readonly #stream: number;
  readonly #request: Pick<OpenRequest, 'signal'>;
  readonly #done: OpenedSoon;
  /** Whoever asked for it may leave by it. */
  #signal: AbortSignal | undefined;
  #body: RemoteBody | undefined;
  #isOver = false;

  /** @param request its signal is looked at once there is a stream, or by `watch` */
  constructor(host: StreamHost, stream: number, request: Pick<OpenRequest, 'signal'>, done: OpenedSoon) {
    this.#host = host;
    this.#stream = stream;
    this.#request = request;
    this.#done = done;
  }

  /** From now on it ends with the request's signal. */
  watch(): void {
    if (this.#signal) return;
    this.#signal = this.#request.signal;
    this.#signal.addEventListener('abort', this.#abort, { once: true });
  }

  get wantsData(): boolean {
    return this.#body !== undefined;
  }

  get relays(): boolean {
    return this.#body?.relays === true;
  }

  draw(socket: number, lengthBytes: number): number {
    return this.#body?.draw(socket, lengthBytes) ?? 0;
  }

  onFrame(type: number, flags: number, meta: Buffer, body: Buffer): void {
    if (type === frameType.answer && !this.#body) this.#onAnswer(flags, meta, body);
    else if (type === frameType.failure) this.#fail(errorOf(meta));
    else throw new ProtocolError(`a frame of type ${type} on a stream that was opened`);
  }

  onData(bytes: Buffer, buffer: Buffer): void {
    this.#body!.push(bytes, buffer);
  }

  onDataEnd(): void {
    if (!this.#body) throw new ProtocolError('bytes without an answer');
    this.#end();
    this.#body.end();
  }

  onLost(error: ConnectionLost): void {
    if (this.#body) this.#fail(new ForebayError('ufs-unavailable', error.message, { cause: error }));
    else this.#fail(error);
  }

  grant(lengthBytes: number): void {
    this.#host.grant(this.#stream, lengthBytes);
  }

  drawMore(): void {
    if (!this.#isOver) this.#host.drawMore(this.#stream);
  }

  left(): void {
    if (this.#isOver) return;
    this.#host.cancel(this.#stream);
    this.#end();
  }

  #onAnswer(flags: number, meta: Buffer, inline: Buffer): void {
    const { nodeId, infos, buffers, pipes, windowBytes } = this.#host;
    const answer = readAnswer(meta, infos);
    const hasMore = (flags & flagMore) !== 0;
    if (answer.kind === 'absent') {
      if (hasMore) throw new ProtocolError('a body of nothing');
      this.#end();
      this.#done({ ...answer, nodeId });
      return;
    }
    const { hasBody, range } = answer;
    const lengthBytes = range === 'unsatisfiable' ? 0 : range.endExclusive - range.start;
    if (!hasMore) {
      if (hasBody && inline.length !== lengthBytes) throw new ProtocolError('a body of another length');
      this.#end();
      // Who gets bytes that are no stream may keep them.
      this.#done(openedOf(answer, nodeId, hasBody ? Buffer.from(inline) : undefined));
      return;
    }
    if (!hasBody || lengthBytes <= inlineBytesMax) throw new ProtocolError('a stream for nothing');
    this.#body = new RemoteBody(this, { lengthBytes, windowBytes, buffers, pipes });
    this.watch();
    this.#done(openedOf(answer, nodeId, this.#body));
  }

  #fail(error: Error): void {
    this.#end();
    if (this.#body) this.#body.fail(error);
    else this.#done(undefined, error);
  }

  readonly #abort = (): void => {
    if (this.#body) this.#body.abort();
    else {
      this.left();
      this.#done(undefined, this.#signal!.reason);
    }
  };

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#signal?.removeEventListener('abort', this.#abort);
    this.#host.over(this.#stream);
  }
}

/** Spelled out: to spread it costs more than all else here. */
function openedOf(answer: FoundMeta, nodeId: string, body: OpenedObject['body']): OpenedObject {
  const { kind, cache, ageMs, condition, range, whole, pages, info } = answer;
  return { kind, cache, ageMs, nodeId, info, condition, range, whole, pages, body };
}

export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: Record<string, unknown>) => void) | undefined;
}

export class CallStream implements ClientStream {
  readonly wantsData = false;
  readonly relays = false;
  readonly #host: StreamHost;
  readonly #stream: number;
  readonly #options: CallOptions;
  readonly #result: PromiseWithResolvers<unknown> = Promise.withResolvers();
  #isOver = false;

  constructor(host: StreamHost, stream: number, options: CallOptions) {
    this.#host = host;
    this.#stream = stream;
    this.#options = options;
    options.signal?.addEventListener('abort', this.#abort, { once: true });
  }

  get result(): Promise<unknown> {
    return this.#result.promise;
  }

  onFrame(type: number, _flags: number, meta: Buffer): void {
    if (type === frameType.progress) {
      this.#options.onProgress?.(fromJson(meta));
    } else if (type === frameType.result) {
      this.#end();
      this.#result.resolve(fromJsonWithInfinity(meta).result);
    } else if (type === frameType.failure) {
      this.#end();
      this.#result.reject(errorOf(meta));
    } else throw new ProtocolError(`a frame of type ${type} for a call`);
  }

  draw(): number {
    return 0;
  }

  onData(): void {}

  onDataEnd(): void {
    throw new ProtocolError('bytes for a call');
  }

  onLost(error: ConnectionLost): void {
    this.#end();
    this.#result.reject(error);
  }

  readonly #abort = (): void => {
    if (this.#isOver) return;
    this.#host.cancel(this.#stream);
    this.#end();
    this.#result.reject(this.#options.signal?.reason);
  };

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#options.signal?.removeEventListener('abort', this.#abort);
    this.#host.over(this.#stream);
  }
}
