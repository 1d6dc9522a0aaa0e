/** The node's side of one stream: an open or a read with its body, or a call. */
import type { AbsentObject, OpenedObject, OpenedPages, OpenRequest } from '@forebay/core/cache-node';
import { ForebayError } from '@forebay/core/errors';
import type { Mount } from '@forebay/core/mount';
import { inSpan, type Span } from '@forebay/core/tracing';
import { frameType, ProtocolError } from '../wire/frame.ts';
import { MetaReader, type MetaWriter, toJson } from '../wire/meta.ts';
import { writeAnswer } from '../wire/open-answer.ts';
import { type OpenMeta, readOpen } from '../wire/open-request.ts';
import type { Outbox } from '../wire/outbox.ts';
import { readRead, writePages } from '../wire/page-read.ts';
import { failureOf, StaleMountError } from '../wire/wire-errors.ts';
import { AnsweredStream } from './answered-stream.ts';
import type { callerLost } from './calls.ts';
import type { ServerConnection } from './server-connection.ts';

export interface ServerStream {
  /** The client takes so many bytes more. */
  grant(lengthBytes: number): void;
  /** The client has left; `callerLost`: with its connection. */
  leave(reason?: typeof callerLost): void;
}

type Opened = OpenedObject | AbsentObject;

/** The client of a stream. Its signal is made only if somebody looks at it. */
class RemoteClient {
  #abort: AbortController | undefined;
  #isLeft = false;

  get isLeft(): boolean {
    return this.#isLeft;
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#isLeft) this.#abort.abort();
    return this.#abort.signal;
  }

  leave(): void {
    this.#isLeft = true;
    this.#abort?.abort();
  }
}

/** What the node is asked. */
class RemoteRequest extends RemoteClient implements OpenRequest {
  readonly object: OpenRequest['object'];
  readonly want: OpenRequest['want'];
  readonly range: OpenRequest['range'];
  readonly conditions: OpenRequest['conditions'];
  readonly ifRange: OpenRequest['ifRange'];
  readonly needChecksums: boolean;
  readonly epoch: OpenRequest['epoch'];
  readonly goneVersion: OpenRequest['goneVersion'];

  constructor(mount: Mount, question: OpenMeta['question']) {
    super();
    const { ufsKey, versionId } = question.object;
    this.object = { mount, ufsKey, versionId };
    this.want = question.want;
    this.range = question.range;
    this.conditions = question.conditions;
    this.ifRange = question.ifRange;
    this.needChecksums = question.needChecksums ?? false;
    this.epoch = question.epoch;
    this.goneVersion = question.goneVersion;
  }
}

export class OpenStream extends AnsweredStream<Opened> implements ServerStream {
  #request: RemoteRequest | undefined;

  /** @throws ProtocolError */
  begin(meta: Buffer): void {
    const { names } = this.connection.deps;
    const { mountName, windowBytes, question, traceparent } = readOpen(new MetaReader(meta));
    this.windowBytes = windowBytes;
    const mount = names.find(mountName);
    if (!mount) {
      this.fail(new StaleMountError(mountName));
      return;
    }
    const request = new RemoteRequest(mount, question);
    this.#request = request;
    const span = spanOf(this.connection, 'node open', traceparent);
    if (span) inSpan(span, () => this.#ask(request, span));
    else this.#ask(request, undefined);
  }

  #ask(request: RemoteRequest, span: Span | undefined): void {
    if (this.#isAnsweredNow(request)) {
      span?.end();
      return;
    }
    this.connection.deps.node.open(request).then(
      (later) => {
        span?.add({ 'forebay.cache': later.cache });
        span?.end();
        this.answer(later);
      },
      (error: unknown) => {
        span?.end(error);
        this.fail(error);
      },
    );
  }

  /** What goes wrong is this stream's affair: thrown on it would end the connection with all others. */
  #isAnsweredNow(request: OpenRequest): boolean {
    try {
      const opened = this.connection.deps.node.openNow?.(request);
      if (opened) this.answer(opened);
      return opened !== undefined;
    } catch (error) {
      this.fail(error);
      return true;
    }
  }

  protected get isLeft(): boolean {
    return this.#request?.isLeft === true;
  }

  protected leaveRequest(): void {
    this.#request?.leave();
  }

  protected write(meta: MetaWriter, opened: Opened): void {
    writeAnswer(meta, opened);
  }

  protected bodyOf(opened: Opened): OpenedObject['body'] {
    return opened.kind === 'object' ? opened.body : undefined;
  }

  protected lengthOf(opened: Opened): number {
    if (opened.kind === 'absent' || opened.range === 'unsatisfiable') return 0;
    const { start, endExclusive } = opened.range;
    return (opened.bodyEndExclusive ?? endExclusive) - start;
  }
}

const noOwner = new ForebayError(
  'node-unavailable',
  'this node gives its pages with what opens objects alone',
);

export class ReadStream extends AnsweredStream<OpenedPages> implements ServerStream {
  readonly #client = new RemoteClient();
  #start = 0;

  /** @throws ProtocolError */
  begin(meta: Buffer): void {
    const { names, node, infos } = this.connection.deps;
    const asked = readRead(new MetaReader(meta), infos);
    const { mountName, windowBytes, ufsKey, versionId, info, range, cachedOnly, traceparent } = asked;
    this.windowBytes = windowBytes;
    this.#start = range.start;
    const mount = names.find(mountName);
    if (!mount || !node.read) {
      this.fail(mount ? noOwner : new StaleMountError(mountName));
      return;
    }
    const { signal } = this.#client;
    const request = { object: { mount, ufsKey, versionId }, info, range, cachedOnly, signal };
    const span = spanOf(this.connection, 'node read', traceparent);
    const read = () =>
      node.read!(request).then(
        (later) => {
          span?.add({ 'forebay.pages.hit': later.pages.hit, 'forebay.pages.total': later.pages.total });
          span?.end();
          this.answer(later);
        },
        (error: unknown) => {
          span?.end(error);
          this.fail(error);
        },
      );
    void (span ? inSpan(span, read) : read());
  }

  protected get isLeft(): boolean {
    return this.#client.isLeft;
  }

  protected leaveRequest(): void {
    this.#client.leave();
  }

  protected write(meta: MetaWriter, pages: OpenedPages): void {
    writePages(meta, pages);
  }

  protected bodyOf({ body }: OpenedPages): OpenedPages['body'] {
    return body;
  }

  protected lengthOf({ endExclusive }: OpenedPages): number {
    return endExclusive - this.#start;
  }
}

export class CallStream implements ServerStream {
  readonly #connection: ServerConnection;
  readonly #stream: number;
  readonly #abort = new AbortController();

  constructor(connection: ServerConnection, stream: number) {
    this.#connection = connection;
    this.#stream = stream;
  }

  async run(name: unknown, parameters: Readonly<Record<string, unknown>>): Promise<void> {
    const { traceparent, ...asked } = parameters;
    const parent = typeof traceparent === 'string' ? traceparent : undefined;
    const span = spanOf(this.#connection, `node ${String(name)}`, parent);
    const { outbox } = this.#connection;
    const { signal } = this.#abort;
    try {
      const result = span
        ? await inSpan(span, () => this.#result(name, asked))
        : await this.#result(name, asked);
      span?.end();
      if (!signal.aborted) outbox.frame(frameType.result, this.#stream, toJson({ result }));
    } catch (error) {
      span?.end(error);
      if (!signal.aborted) outbox.frame(frameType.failure, this.#stream, failureOf(error));
    }
    this.#connection.over(this.#stream);
  }

  async #result(name: unknown, parameters: Readonly<Record<string, unknown>>): Promise<unknown> {
    const { deps, clientId, outbox } = this.#connection;
    const { signal } = this.#abort;
    return deps.calls.run(name, parameters, {
      clientId,
      signal,
      onProgress: (progress) => {
        if (!signal.aborted) outbox.frame(frameType.progress, this.#stream, toJson(progress));
      },
    });
  }

  grant(): void {
    throw new ProtocolError('a call has no body');
  }

  leave(reason?: typeof callerLost): void {
    this.#abort.abort(reason);
    this.#connection.over(this.#stream);
  }
}

function spanOf(
  { deps: { tracer, node } }: ServerConnection,
  name: string,
  traceparent: string | undefined,
): Span | undefined {
  if (traceparent === undefined) return undefined;
  const span = tracer?.begin(name, traceparent);
  span?.add({ 'forebay.node': node.nodeId });
  return span;
}

export function refuseStream(outbox: Outbox, stream: number): void {
  const error = new ForebayError('overloaded', 'too many streams on a connection', { retryAfterMs: 1000 });
  outbox.frame(frameType.failure, stream, failureOf(error));
}
