/**
 * Requests that go to the store as they are. A store that does not know a sub-resource may take the request
 * for one to the object or the bucket itself: its answer would pass object bytes for a document, a write
 * would replace the object by the document, and a deletion delete it. Hence answers are looked at, and
 * before the first write to a sub-resource the store is asked whether it knows it.
 */
import { isUfsAnswer, UfsAnswerError } from '@forebay/core/errors';
import { headerValue } from '@forebay/core/object';
import type { WireAnswer } from '../http1/exchange.ts';
import type { UfsForward, UfsForwarded } from '../ufs.ts';
import { CheckedBody } from './checked-body.ts';
import { passedHeadersOf } from './headers.ts';
import type { LeanClient, LeanRequest } from './lean-client.ts';

/** What a read of the object itself may carry. */
const ofObject = /^(versionId|partNumber|response-.*)$/;
/** Sub-resources that only a POST knows: there is nothing to ask for. They are never anything else. */
const postOnly = new Set(['restore', 'select']);
/** The first bytes of a document tell what it is. */
const rootElement = /^[^<]*(?:<\?xml[^>]*\?>)?\s*<([\w:.-]+)/;

export class Forwards {
  readonly #lean: LeanClient;
  /** `object tagging`, `bucket cors`, ...: what the store has shown to know. Names are of our table: few. */
  readonly #known: Set<string>;

  /** @param known shared by the buckets of a store */
  constructor(lean: LeanClient, known: Set<string>) {
    this.#lean = lean;
    this.#known = known;
  }

  async forward({ effect, ...target }: UfsForward): Promise<UfsForwarded> {
    const request: LeanRequest = { ...target, about: target.key === undefined ? 'bucket' : 'object' };
    const subResource = target.query.find(([name]) => !ofObject.test(name))?.[0];
    if (effect === 'write') {
      if (subResource !== undefined) await this.#ask(request, subResource);
      const { status, headers, body } = await this.#lean.write(request);
      return { status, headers: passedHeadersOf(headers), body: onePiece(body) };
    }
    const answer = await this.#lean.read(request);
    const { status, headers } = answer;
    const checked = new CheckedBody(answer.body, request);
    const body = subResource === undefined ? checked : await document(checked, answer, subResource);
    return { status, headers: passedHeadersOf(headers), body };
  }

  /** @throws UfsAnswerError NotImplemented; whatever else says that the write would fail */
  async #ask({ about, key, query = [] }: LeanRequest, subResource: string): Promise<void> {
    const what = `${about} ${subResource}`;
    if (postOnly.has(subResource) || this.#known.has(what)) return;
    try {
      const answer = await this.forward({ method: 'GET', effect: 'read', key, query, headers: [] });
      await answer.body[Symbol.asyncIterator]().return?.();
    } catch (error) {
      if (!isUfsAnswer(error) || isAmbiguous(error, about)) throw error;
    }
    this.#known.add(what);
  }
}

/** Refusals of a plain GET of an object: no such version, a delete marker, archived, a customer's key, ... */
const ofPlainReads = new Set([
  'AccessDenied',
  'InvalidArgument',
  'InvalidObjectState',
  'InvalidRequest',
  'MethodNotAllowed',
  'NoSuchVersion',
]);

/** Would also be the answer of a store that took the request for one to the object or bucket itself. */
function isAmbiguous({ answer }: UfsAnswerError, about: LeanRequest['about']): boolean {
  const { code, status, guessed } = answer;
  if (guessed || status >= 500 || ['NoSuchKey', 'NoSuchBucket', 'NotImplemented'].includes(code)) return true;
  return about === 'object' && ofPlainReads.has(code);
}

/**
 * The answer's body, once it is known to be none of the object or of a listing.
 * @throws UfsAnswerError NotImplemented where the store did not know the sub-resource
 */
async function document(
  body: CheckedBody,
  { headers, status }: WireAnswer,
  subResource: string,
): Promise<AsyncIterable<Uint8Array>> {
  const isObject = headerValue(headers, 'accept-ranges') !== undefined && headerValue(headers, 'etag');
  if (isObject || status === 206) {
    await body.return();
    throw unknown(subResource);
  }
  const first = await body.next();
  const root = first.done ? undefined : rootElement.exec(Buffer.from(first.value).toString('latin1'))?.[1];
  if (root === 'ListBucketResult') {
    await body.return();
    throw unknown(subResource);
  }
  return first.done ? onePiece(new Uint8Array(0)) : new ResumedBody(first.value, body);
}

function unknown(subResource: string): UfsAnswerError {
  return new UfsAnswerError({
    status: 501,
    code: 'NotImplemented',
    message: 'The store behind this bucket does not know this sub-resource.',
    fields: [['Header', subResource]],
  });
}

async function* onePiece(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.byteLength > 0) yield bytes;
}

/** A body of which the first piece has been looked at. */
class ResumedBody implements AsyncIterableIterator<Uint8Array> {
  #first: Uint8Array | undefined;
  readonly #rest: CheckedBody;

  constructor(first: Uint8Array, rest: CheckedBody) {
    this.#first = first;
    this.#rest = rest;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    const first = this.#first;
    this.#first = undefined;
    return first ? { done: false, value: first } : this.#rest.next();
  }

  return(): Promise<IteratorResult<Uint8Array>> {
    this.#first = undefined;
    return this.#rest.return();
  }
}
