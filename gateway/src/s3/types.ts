/**
 * The words of the S3 front: a request as operations see it, their answer, and the handler between.
 * http-entry makes an S3Request from Node's raw request; answer.ts writes an S3Answer to Node's raw response.
 */
import type { HeaderList } from '@forebay/core/object';
import type { Permissions } from '@forebay/core/policy/permissions';
import type { ClientOrigin } from './auth/client-origin.ts';

/** Who signed. Anonymous requests reach only mounts that say `anonymous: read`. */
export type Principal =
  | {
      readonly kind: 'user';
      readonly name: string;
      readonly accessKey: string;
      /** The root user may do everything. */
      readonly permissions: Permissions | 'all';
    }
  | { readonly kind: 'anonymous' };

export interface S3Request {
  /** `x-amz-request-id`. */
  readonly id: string;
  readonly method: string;
  /** Decoded once from the raw target; undefined for the service (`/`) and for bucket requests. */
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  readonly query: Query;
  readonly headers: RequestHeaders;
  /** As the client sent it, with the port where it sent one. */
  readonly host: string;
  /** The bucket stands in the host, not in the path. */
  readonly virtualHost: boolean;
  readonly principal: Principal;
  readonly client: ClientOrigin;
  readonly body: RequestBody;
  /** Of an upload form, whose file stands for the body. */
  readonly form?: PostForm | undefined;
  /** Aborts when the client has gone. */
  readonly signal: AbortSignal;
}

/** Decoded query parameters; the first of equal names wins. */
export interface Query {
  has(name: string): boolean;
  get(name: string): string | undefined;
  readonly entries: readonly (readonly [name: string, value: string])[];
}

/** Request headers by lower-case name; repeated ones joined by `,`; latin1, one character per byte. */
export interface RequestHeaders {
  get(name: string): string | undefined;
  /** Those whose name starts with the prefix, in the order they came. */
  withPrefix(prefix: string): HeaderList;
  /** Whether there are any. */
  hasPrefix(prefix: string): boolean;
}

export interface RequestBody {
  /** Size of the decoded body in bytes; undefined where the request has no body at all. */
  readonly sizeBytes: number | undefined;
  /**
   * The decoded body. Every hash, signature, checksum and length that the request announces is verified,
   * and the last bytes come only after all of it holds; otherwise the iterator throws the S3Error. Consumed
   * once.
   */
  stream(): AsyncIterable<Uint8Array>;
  /**
   * Of a piece of the stream, or a part of one: nobody looks at these bytes any more, nor at those before
   * them. Their memory is freed at once. Who keeps pieces need not say when it is done.
   */
  release(bytes: Uint8Array): void;
  /** The whole verified body. @throws S3Error MalformedXML over the limit. */
  bytes(limitBytes: number): Promise<Uint8Array>;
  /** Lower-case hex, of the whole body: signed, and verified before the last bytes come. */
  readonly sha256: string | undefined;
  /** Checksum trailer announced by x-amz-trailer, its value known after the stream has ended. */
  readonly trailer: { readonly name: string; value(): string } | undefined;
}

export interface PostForm {
  /** By lower-case name. */
  field(name: string): string | undefined;
  /** The file is smaller than that: the whole form. */
  readonly sizeBytesMax: number;
  /** The file, verified against policy and digests before its last piece comes. Consumed once. */
  file(): AsyncIterable<Uint8Array>;
}

export interface S3Answer {
  readonly status: number;
  /** Names as they go out; content-length is set from the body where it is bytes or text. */
  readonly headers: HeaderList;
  /** More of them, behind: one list for all answers that have the same, so that it is looked through once. */
  readonly sharedHeaders?: HeaderList | undefined;
  /**
   * A stream needs `content-length` among the headers, or `chunked`. It is consumed or `return()`ed, whatever
   * happens.
   */
  readonly body?: Uint8Array | string | AsyncIterable<Uint8Array> | undefined;
  /** The length of the stream is not known when its headers go out. */
  readonly chunked?: true | undefined;
  /** The document comes later, white space until then (late-answer.ts). Without a body. */
  readonly late?: Promise<S3Answer> | undefined;
  /** For the access log and metrics. */
  readonly cache?: string | undefined;
}

export type S3Handler = (request: S3Request) => Promise<S3Answer>;

/** Where an answer goes that needs a little wait. */
export interface AnswerSoon {
  /**
   * Set by a handler that has asked for it: then `settle` is called once, in a later tick. To be called where
   * nobody waits any more, and then it is not.
   */
  leave: (() => void) | undefined;
  /** @param make throws what the handler throws */
  settle(make: () => S3Answer): void;
}

/** The same where nothing has to be waited for, or only a little; undefined where it has. */
export type S3HandlerNow = (request: S3Request, soon: AnswerSoon) => S3Answer | undefined;
