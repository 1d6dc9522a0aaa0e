/**
 * The node's side of a stream that is answered with bytes: in one frame where they are few, else the answer
 * and then the bytes, as the client grants them.
 */
import { flagMore, frameType, inlineBytesMax } from '../wire/frame.ts';
import { MetaWriter } from '../wire/meta.ts';
import { failureOf } from '../wire/wire-errors.ts';
import { BodySender } from './body-sender.ts';
import { inlineOf } from './inline-body.ts';
import type { ServerConnection } from './server-connection.ts';

type Body = Uint8Array | AsyncIterable<Uint8Array> | undefined;

const answerMeta = new MetaWriter();

export abstract class AnsweredStream<Answer> {
  protected readonly connection: ServerConnection;
  /** Bytes that the client takes before it grants more. */
  protected windowBytes = 0;
  readonly #stream: number;
  #sender: BodySender | undefined;

  constructor(connection: ServerConnection, stream: number) {
    this.connection = connection;
    this.#stream = stream;
  }

  /** The client has left. */
  protected abstract readonly isLeft: boolean;

  protected abstract leaveRequest(): void;

  protected abstract write(meta: MetaWriter, answer: Answer): void;

  protected abstract bodyOf(answer: Answer): Body;

  /** Of the body, in bytes. Asked only where there is one. */
  protected abstract lengthOf(answer: Answer): number;

  grant(lengthBytes: number): void {
    if (this.#sender) this.#sender.grant(lengthBytes);
    else this.windowBytes += lengthBytes;
  }

  leave(): void {
    this.leaveRequest();
    this.#sender?.leave();
    this.connection.over(this.#stream);
  }

  protected answer(answer: Answer): void {
    const body = this.bodyOf(answer);
    if (this.isLeft) {
      if (body && !(body instanceof Uint8Array)) void leaveBody(body);
    } else if (!body) {
      this.#whole(answer, undefined);
    } else {
      const lengthBytes = this.lengthOf(answer);
      if (lengthBytes > inlineBytesMax) void this.#send(answer, body, lengthBytes);
      else if (body instanceof Uint8Array) this.#whole(answer, body);
      else this.#collect(answer, body, lengthBytes);
    }
  }

  protected fail(error: unknown): void {
    if (this.isLeft) return;
    this.connection.outbox.frame(frameType.failure, this.#stream, failureOf(error));
    this.connection.over(this.#stream);
  }

  /** A short stream goes as bytes do. */
  #collect(answer: Answer, body: AsyncIterable<Uint8Array>, lengthBytes: number): void {
    const bytes = inlineOf(body, lengthBytes);
    if (bytes instanceof Uint8Array) {
      this.#whole(answer, bytes);
      return;
    }
    bytes.then(
      (later) => this.#whole(answer, later),
      (error: unknown) => this.fail(error),
    );
  }

  /** Answer and body in one frame. */
  #whole(answer: Answer, body: Uint8Array | undefined): void {
    if (this.isLeft) return;
    const { outbox } = this.connection;
    this.write(answerMeta.reset(), answer);
    outbox.frame(frameType.answer, this.#stream, answerMeta.written, body ? { body } : {});
    this.connection.over(this.#stream);
  }

  async #send(answer: Answer, body: NonNullable<Body>, lengthBytes: number): Promise<void> {
    const { outbox } = this.connection;
    this.write(answerMeta.reset(), answer);
    outbox.frame(frameType.answer, this.#stream, answerMeta.written, { flags: flagMore });
    this.#sender = new BodySender(outbox, this.#stream, this.windowBytes);
    try {
      await this.#sender.send(body instanceof Uint8Array ? oneOf(body) : body, lengthBytes);
      this.connection.over(this.#stream);
    } catch (error) {
      this.fail(error);
    }
  }
}

async function leaveBody(body: AsyncIterable<Uint8Array>): Promise<void> {
  await Promise.resolve(body[Symbol.asyncIterator]().return?.()).catch(() => {});
}

async function* oneOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
