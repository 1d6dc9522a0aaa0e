/**
 * The error document of S3, `<Error><Code>..</Code>..</Error>`, read strictly and within bounds, and what
 * stands for it where there is none (HEAD, proxies). Answers with a meaning are parsed by the SDK; this is
 * for errors alone.
 */
import type { UfsAnswer } from '@forebay/core/errors';
import type { HeaderList } from '@forebay/core/object';
import { errorHeadersOf } from './headers.ts';

/** Longer documents count as none. */
export const errorBodyMaxBytes = 64 * 1024;

export interface ErrorDocument {
  readonly code: string;
  readonly message: string;
  /** The other elements, in order; those with elements inside are left out. */
  readonly fields: readonly (readonly [name: string, value: string])[];
}

/** White space includes the mark of byte order that some put in front. */
const opening = /^(?:\s*<\?xml[^>]*\?>)?\s*<Error(?:\s[^<>]*)?>/;
const element = /\s*<([A-Za-z_][\w.:-]*)(?:\s[^<>]*?)?(?:\/>|>([^<]*)<\/\1\s*>)/y;
const ending = /\s*<\/Error\s*>\s*$/y;

/** Undefined where the body is not an error document, or not a whole one. */
export function parseErrorBody(body: Uint8Array): ErrorDocument | undefined {
  if (body.length === 0 || body.length > errorBodyMaxBytes) return undefined;
  const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8');
  const start = opening.exec(text);
  if (!start) return undefined;
  const elements = flatElements(text, start[0].length);
  const code = elements?.find(([name]) => name === 'Code')?.[1];
  // A status for a code is no word of S3's, and says what the status says already.
  if (!elements || !code || /^\d+$/.test(code)) return undefined;
  return {
    code,
    message: elements.find(([name]) => name === 'Message')?.[1] ?? '',
    fields: elements.filter(([name]) => name !== 'Code' && name !== 'Message'),
  };
}

/** Whether a body that came with 200 begins as an error document does (S3-WIRE 95, 100). */
export function looksLikeError(body: Uint8Array): boolean {
  return opening.test(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString('utf8'));
}

function flatElements(text: string, from: number): [string, string][] | undefined {
  const elements: [string, string][] = [];
  let position = from;
  for (;;) {
    ending.lastIndex = position;
    if (ending.test(text)) return elements;
    element.lastIndex = position;
    const match = element.exec(text);
    if (match) {
      elements.push([match[1]!, decodeEntities(match[2] ?? '')]);
      position = element.lastIndex;
      continue;
    }
    const after = skipNested(text, position);
    if (after === undefined) return undefined;
    position = after;
  }
}

/** Position after an element that holds others (`<Details><Bucket>..`); undefined where it is not closed. */
function skipNested(text: string, from: number): number | undefined {
  const open = /\s*<([A-Za-z_][\w.:-]*)(?:\s[^<>]*)?>/y;
  open.lastIndex = from;
  const name = open.exec(text)?.[1];
  if (name === undefined) return undefined;
  const close = text.indexOf(`</${name}>`, open.lastIndex);
  return close === -1 ? undefined : close + name.length + 3;
}

const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decodeEntities(text: string): string {
  return text.replace(/&(?:#x([\da-fA-F]{1,6})|#(\d{1,7})|(\w{2,4}));/g, (whole, hex, decimal, name) => {
    if (name !== undefined) return named[name] ?? whole;
    const point = hex === undefined ? Number(decimal) : Number.parseInt(hex, 16);
    return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
  });
}

/** Without a document the status is all there is; HEAD answers never have one (S3-WIRE 7). */
const codeOfStatus: Readonly<Record<number, string>> = {
  301: 'PermanentRedirect',
  304: 'NotModified',
  307: 'TemporaryRedirect',
  400: 'BadRequest',
  401: 'AccessDenied',
  403: 'AccessDenied',
  405: 'MethodNotAllowed',
  408: 'RequestTimeout',
  409: 'OperationAborted',
  411: 'MissingContentLength',
  412: 'PreconditionFailed',
  413: 'EntityTooLarge',
  416: 'InvalidRange',
  429: 'SlowDown',
  500: 'InternalError',
  501: 'NotImplemented',
  503: 'SlowDown',
};

/** Statuses of codes that come inside a 200; anything else counts as 400 or, by default, 500. */
const statusOfCode: Readonly<Record<string, number>> = {
  AccessDenied: 403,
  BadDigest: 400,
  ConditionalRequestConflict: 409,
  EntityTooLarge: 400,
  EntityTooSmall: 400,
  InvalidArgument: 400,
  InvalidPart: 400,
  InvalidPartOrder: 400,
  InvalidRequest: 400,
  MalformedXML: 400,
  NoSuchBucket: 404,
  NoSuchKey: 404,
  NoSuchUpload: 404,
  NoSuchVersion: 404,
  PreconditionFailed: 412,
  ServiceUnavailable: 503,
  SlowDown: 503,
};

export interface ErrorReply {
  readonly status: number;
  readonly headers: HeaderList;
  readonly body: Uint8Array;
  /** What a 404 without a document is about. */
  readonly about: 'bucket' | 'object' | 'version' | 'upload';
  readonly key?: string | undefined;
}

export function answerOf({ status, headers, body, about, key }: ErrorReply): UfsAnswer {
  const document = parseErrorBody(body);
  const kept = errorHeadersOf(headers);
  if (document) {
    const told = status >= 300 ? status : (statusOfCode[document.code] ?? 500);
    const fields = fieldsOf(document, key).filter(([name]) => !ofOurSignature.test(name));
    return { status: told, ...document, fields, headers: kept };
  }
  if (status < 300) return { status: 500, code: 'InternalError', message: 'unreadable error', headers: kept };
  const code = status === 404 ? missingCodes[about] : codeOf(status);
  const fields = fieldsOf({ code, fields: [] }, key);
  const message = `The store answered ${status} without a reason.`;
  return { status, code, message, guessed: true, fields, headers: kept };
}

/**
 * What a store tells of a signature is about ours, session token included, and none of our client's
 * business.
 */
const ofOurSignature = /^(AWSAccessKeyId|StringToSign|SignatureProvided|CanonicalRequest|Token-)/i;

const missingCodes = {
  bucket: 'NoSuchBucket',
  object: 'NoSuchKey',
  version: 'NoSuchVersion',
  upload: 'NoSuchUpload',
} as const;

function codeOf(status: number): string {
  return codeOfStatus[status] ?? (status >= 500 ? 'ServiceUnavailable' : 'BadRequest');
}

/** S3 names the key that is not there (S3-WIRE 70); not every store does. */
function fieldsOf(
  { code, fields }: Pick<ErrorDocument, 'code' | 'fields'>,
  key: string | undefined,
): ErrorDocument['fields'] {
  const named = code !== 'NoSuchKey' || key === undefined || fields.some(([name]) => name === 'Key');
  return named ? fields : [...fields, ['Key', key]];
}
