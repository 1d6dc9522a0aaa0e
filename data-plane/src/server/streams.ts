/** The node's side of one stream: an open with its body, or a call. */
import type { AbsentObject, OpenedObject, OpenRequest } from '@forebay/core/cache-node';
import { ForebayError } from '@forebay/core/errors';
import type { Mount } from '@forebay/core/mount';
import { flagMore, frameType, inlineBytesMax, ProtocolError } from '../wire/frame.ts';
import { MetaReader, MetaWriter, toJson } from '../wire/meta.ts';
import { writeAnswer } from '../wire/open-answer.ts';
import { type OpenMeta, readOpen } from '../wire/open-request.ts';
import type { Outbox } from '../wire/outbox.ts';
import { failureOf, StaleMountError } from '../wire/wire-errors.ts';
import { BodySender } from './body-sender.ts';
import { inlineOf } from './inline-body.ts';
import type { ServerConnection } from './server-connection.ts';

export interface ServerStream {
  /** The client takes so many bytes more. */
  grant(lengthBytes: number): void;
  /** The client has left. */
  leave(): void;
}

type Opened = OpenedObject | AbsentObject;

/** What the node is asked. Its signal is made only if somebody looks at it. */
class RemoteRequest implements OpenRequest {
  readonly object: OpenRequest['object'];
  readonly want: OpenRequest['want'];
  readonly range: OpenRequest['range'];
  readonly conditions: OpenRequest['conditions'];
  readonly ifRange: OpenRequest['ifRange'];
  readonly needChecksums: boolean;
  #abort: AbortController | undefined;
  #isLeft = false;

  constructor(
    mount: Mount,
    { object, want, range, conditions, ifRange, needChecksums }: OpenMeta['question'],
  ) {
    const { ufsKey, versionId } = object;
    this.object = { mount, ufsKey, versionId };
    this.want = want;
    this.range = range;
    this.conditions = conditions;
    this.ifRange = ifRange;
    this.needChecksums = needChecksums ?? false;
  }

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

const answerMeta = new MetaWriter();

export class OpenStream implements ServerStream {
  readonly #connection: ServerConnection;
  readonly #stream: number;
  #request: RemoteRequest | undefined;
  #windowBytes = 0;
  #sender: BodySender | undefined;

  constructor(connection: ServerConnection, stream: number) {
    this.#connection = connection;
    this.#stream = stream;
  }

  /** @throws ProtocolError */
  begin(meta: Buffer): void {
    const { names, node } = this.#connection.deps;
    const { mountName, windowBytes, question } = readOpen(new MetaReader(meta));
    this.#windowBytes = windowBytes;
    const mount = names.find(mountName);
    if (!mount) {
      this.#fail(new StaleMountError(mountName));
      return;
    }
    const request = new RemoteRequest(mount, question);
    this.#request = request;
    if (this.#isAnsweredNow(request)) return;
    node.open(request).then(
      (later) => this.#answer(later),
      (error: unknown) => this.#fail(error),
    );
  }

  /** What goes wrong is this stream's affair: thrown on it would end the connection with all others. */
  #isAnsweredNow(request: OpenRequest): boolean {
    try {
      const opened = this.#connection.deps.node.openNow?.(request);
      if (opened) this.#answer(opened);
      return opened !== undefined;
    } catch (error) {
      this.#fail(error);
      return true;
    }
  }

  grant(lengthBytes: number): void {
    if (this.#sender) this.#sender.grant(lengthBytes);
    else this.#windowBytes += lengthBytes;
  }

  leave(): void {
    this.#request?.leave();
    this.#sender?.leave();
    this.#connection.over(this.#stream);
  }

  #answer(opened: Opened): void {
    const body = opened.kind === 'object' ? opened.body : undefined;
    if (this.#request?.isLeft) {
      if (body && !(body instanceof Uint8Array)) void leaveBody(body);
    } else if (opened.kind === 'absent' || !body) {
      this.#whole(opened, undefined);
    } else {
      const lengthBytes = lengthOf(opened);
      if (lengthBytes > inlineBytesMax) void this.#send(opened, body, lengthBytes);
      else if (body instanceof Uint8Array) this.#whole(opened, body);
      else this.#collect(opened, body, lengthBytes);
    }
  }

  /** A short stream goes as bytes do. */
  #collect(opened: Opened, body: AsyncIterable<Uint8Array>, lengthBytes: number): void {
    const bytes = inlineOf(body, lengthBytes);
    if (bytes instanceof Uint8Array) {
      this.#whole(opened, bytes);
      return;
    }
    bytes.then(
      (later) => this.#whole(opened, later),
      (error: unknown) => this.#fail(error),
    );
  }

  /** Answer and body in one frame. */
  #whole(opened: Opened, body: Uint8Array | undefined): void {
    if (this.#request?.isLeft) return;
    const { outbox } = this.#connection;
    writeAnswer(answerMeta.reset(), opened);
    outbox.frame(frameType.answer, this.#stream, answerMeta.written, body ? { body } : {});
    this.#connection.over(this.#stream);
  }

  async #send(opened: Opened, body: NonNullable<OpenedObject['body']>, lengthBytes: number): Promise<void> {
    const { outbox } = this.#connection;
    writeAnswer(answerMeta.reset(), opened);
    outbox.frame(frameType.answer, this.#stream, answerMeta.written, { flags: flagMore });
    this.#sender = new BodySender(outbox, this.#stream, this.#windowBytes);
    try {
      await this.#sender.send(body instanceof Uint8Array ? oneOf(body) : body, lengthBytes);
      this.#connection.over(this.#stream);
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    if (this.#request?.isLeft) return;
    this.#connection.outbox.frame(frameType.failure, this.#stream, failureOf(error));
    this.#connection.over(this.#stream);
  }
}

function lengthOf({ range }: OpenedObject): number {
  return range === 'unsatisfiable' ? 0 : range.endExclusive - range.start;
}

async function leaveBody(body: AsyncIterable<Uint8Array>): Promise<void> {
  await Promise.resolve(body[Symbol.asyncIterator]().return?.()).catch(() => {});
}

async function* oneOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
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
    const { deps, clientId, outbox } = this.#connection;
    const { signal } = this.#abort;
    try {
      const result = await deps.calls.run(name, parameters, {
        clientId,
        signal,
        onProgress: (progress) => {
          if (!signal.aborted) outbox.frame(frameType.progress, this.#stream, toJson(progress));
        },
      });
      if (!signal.aborted) outbox.frame(frameType.result, this.#stream, toJson({ result }));
    } catch (error) {
      if (!signal.aborted) outbox.frame(frameType.failure, this.#stream, failureOf(error));
    }
    this.#connection.over(this.#stream);
  }

  grant(): void {
    throw new ProtocolError('a call has no body');
  }

  leave(): void {
    this.#abort.abort();
    this.#connection.over(this.#stream);
  }
}

export function refuseStream(outbox: Outbox, stream: number): void {
  const error = new ForebayError('overloaded', 'too many streams on a connection', { retryAfterMs: 1000 });
  outbox.frame(frameType.failure, stream, failureOf(error));
}
