/** The gateway's side of a stream that is answered with bytes: an open, or a read of pages. */
import type {
  AbsentObject,
  OpenedObject,
  OpenedPages,
  OpenRequest,
  ReadRequest,
} from '@forebay/core/cache-node';
import { ForebayError } from '@forebay/core/errors';
import type { ByteRange } from '@forebay/core/range';
import { flagMore, frameType, inlineBytesMax, ProtocolError } from '../wire/frame.ts';
import { MetaReader } from '../wire/meta.ts';
import { type AnswerMeta, type FoundMeta, readAnswer } from '../wire/open-answer.ts';
import { type PagesMeta, readPages } from '../wire/page-read.ts';
import { errorOf } from '../wire/wire-errors.ts';
import type { ClientStream, ConnectionLost, StreamHost } from './client-stream.ts';
import { type BodySource, RemoteBody } from './remote-body.ts';

type Done<Answer> = (answer: Answer | undefined, error?: unknown) => void;

/** What a frame of type `answer` says, and how long the body is that comes with it; 0: there is none. */
interface Answered {
  readonly hasBody: boolean;
  readonly lengthBytes: number;
}

/** A stream that is answered with bytes. */
abstract class AnsweredStream<Meta extends Answered, Answer> implements ClientStream, BodySource {
  protected readonly host: StreamHost;
  readonly #stream: number;
  readonly #request: Pick<OpenRequest, 'signal'>;
  readonly #done: Done<Answer>;
  /** Whoever asked for it may leave by it. */
  #signal: AbortSignal | undefined;
  #body: RemoteBody | undefined;
  #isOver = false;
  /** Whoever asked has an answer, or left. */
  #isTold = false;

  /** @param request its signal is looked at once there is a stream, or by `watch` */
  constructor(host: StreamHost, stream: number, request: Pick<OpenRequest, 'signal'>, done: Done<Answer>) {
    this.host = host;
    this.#stream = stream;
    this.#request = request;
    this.#done = done;
  }

  /** @throws ProtocolError */
  protected abstract read(meta: Buffer): Meta;

  protected abstract answerOf(meta: Meta, body: OpenedObject['body']): Answer;

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
    if (this.#body && this.#isTold)
      this.#fail(new ForebayError('node-unavailable', error.message, { cause: error }));
    else this.#fail(error);
  }

  grant(lengthBytes: number): void {
    this.host.grant(this.#stream, lengthBytes);
  }

  drawMore(): void {
    if (!this.#isOver) this.host.drawMore(this.#stream);
  }

  left(): void {
    if (!this.#isTold) {
      this.#isTold = true;
      void this.#body?.return();
    }
    if (this.#isOver) return;
    this.host.cancel(this.#stream);
    this.#end();
  }

  #onAnswer(flags: number, bytes: Buffer, inline: Buffer): void {
    const meta = this.read(bytes);
    const { hasBody, lengthBytes } = meta;
    if ((flags & flagMore) === 0) {
      if (inline.length !== (hasBody ? lengthBytes : 0)) throw new ProtocolError('a body of another length');
      this.#end();
      this.#isTold = true;
      // Who gets bytes that are no stream may keep them.
      this.#done(this.answerOf(meta, hasBody ? Buffer.from(inline) : undefined));
      return;
    }
    if (!hasBody || lengthBytes <= inlineBytesMax) throw new ProtocolError('a stream for nothing');
    const { windowBytes, buffers, pipes } = this.host;
    const body = new RemoteBody(this, { lengthBytes, windowBytes, buffers, pipes });
    this.#body = body;
    // What has come with it is there then, and often that is all.
    this.host.afterRead(() => this.#tell(this.answerOf(meta, body)));
  }

  #tell(answer: Answer): void {
    if (this.#isTold) return;
    this.#isTold = true;
    this.#done(answer);
    if (this.#isOver) return;
    // After the answer has gone on its way: a request's signal is made when it is first looked at.
    this.watch();
    if (this.#signal?.aborted) this.#abort();
  }

  #fail(error: Error): void {
    this.#end();
    if (this.#isTold) {
      this.#body?.fail(error);
      return;
    }
    this.#isTold = true;
    void this.#body?.return();
    this.#done(undefined, error);
  }

  readonly #abort = (): void => {
    if (this.#body && this.#isTold) this.#body.abort();
    else {
      this.left();
      this.#done(undefined, this.#signal!.reason);
    }
  };

  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#signal?.removeEventListener('abort', this.#abort);
    this.host.over(this.#stream);
  }
}

export class OpenStream extends AnsweredStream<AnswerMeta, OpenedObject | AbsentObject> {
  protected read(meta: Buffer): AnswerMeta {
    return readAnswer(meta, this.host.infos);
  }

  protected answerOf(meta: AnswerMeta, body: OpenedObject['body']): OpenedObject | AbsentObject {
    const { nodeId } = this.host;
    if (meta.kind === 'object') return openedOf(meta, nodeId, body);
    const { kind, cache, ageMs, answer } = meta;
    return { kind, cache, ageMs, answer, nodeId };
  }
}

export class ReadStream extends AnsweredStream<PagesMeta & Answered, OpenedPages> {
  readonly #range: ByteRange;

  constructor(host: StreamHost, stream: number, request: ReadRequest, done: Done<OpenedPages>) {
    super(host, stream, request, done);
    this.#range = request.range;
  }

  protected read(bytes: Buffer): PagesMeta & Answered {
    const meta = readPages(new MetaReader(bytes));
    const lengthBytes = meta.endExclusive - this.#range.start;
    if (lengthBytes < 0 || meta.endExclusive > this.#range.endExclusive) {
      throw new ProtocolError('pages that nobody asked for');
    }
    return { ...meta, lengthBytes, hasBody: lengthBytes > 0 };
  }

  protected answerOf({ endExclusive, pages }: PagesMeta, body: OpenedPages['body']): OpenedPages {
    return { nodeId: this.host.nodeId, endExclusive, pages, body };
  }
}

/** Spelled out: to spread it costs more than all else here. */
function openedOf(answer: FoundMeta, nodeId: string, body: OpenedObject['body']): OpenedObject {
  const { kind, cache, ageMs, condition, range, whole, pages, bodyEndExclusive, info } = answer;
  return { kind, cache, ageMs, nodeId, info, condition, range, whole, pages, bodyEndExclusive, body };
}
