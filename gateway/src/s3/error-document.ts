/** The one place where errors of any kind become what an S3 client sees (S3-WIRE 70-73). */
import { ForebayError, UfsAnswerError } from '@forebay/core/errors';
import type { HeaderList } from '@forebay/core/object';
import { S3Error, s3Errors } from './errors.ts';
import { element, xmlDocument } from './xml-writer.ts';

export interface ErrorDocument {
  readonly status: number;
  readonly code: string;
  /** Content-Type and what the error itself carries; ids and the like are everybody's. */
  readonly headers: HeaderList;
  /** Empty where the status has no body (304). */
  readonly body: string;
}

interface Shape {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly fields: readonly (readonly [name: string, value: string])[];
  readonly headers: HeaderList;
}

/** Names come from the UFS as well as from us. */
const elementName = /^[A-Za-z_][\w.-]*$/;

export function errorDocument(error: unknown, ids: { requestId: string; hostId: string }): ErrorDocument {
  const { status, code, message, fields, headers } = shapeOf(error);
  if (status === 304) return { status, code, headers, body: '' };
  const skipped = new Set(['Code', 'Message', 'RequestId', 'HostId']);
  const elements = fields
    .filter(([name]) => !skipped.has(name) && elementName.test(name))
    .map(([name, value]) => element(name, readable(value)));
  const content =
    element('Code', readable(code)) +
    element('Message', readable(message)) +
    elements.join('') +
    element('RequestId', ids.requestId) +
    element('HostId', ids.hostId);
  return {
    status,
    code,
    headers: [['content-type', 'application/xml'], ...headers],
    body: xmlDocument('Error', content, 'none'),
  };
}

/**
 * Text without what XML 1.0 cannot hold, not even as a reference: for one such character in an echoed key,
 * strict parsers refuse the document, and their users never learn its code.
 */
function readable(text: string): string {
  return text.replace(/(?![\t\n\r\u007f-\u009f])\p{Cc}|[\uFFFE\uFFFF]/gu, '\uFFFD');
}

/** True where the fault is ours: to be logged with its stack. */
export function isInternal(error: unknown): boolean {
  return !(error instanceof S3Error || error instanceof ForebayError);
}

const refusedMount =
  'The storage behind this bucket does not accept its mount: credentials, region or endpoint. Your own are fine.';

const credentialCodes = new Set([
  'AuthorizationHeaderMalformed',
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidToken',
  'PermanentRedirect',
  'RequestTimeTooSkewed',
  'SignatureDoesNotMatch',
  'TemporaryRedirect',
]);

/**
 * True where a UFS speaks of the mount's credentials, its region or our clock: told as it is, clients would
 * check theirs, or go elsewhere.
 */
export function refusesOurCredentials(error: unknown): error is UfsAnswerError {
  return error instanceof UfsAnswerError && credentialCodes.has(error.answer.code);
}

function shapeOf(error: unknown): Shape {
  if (error instanceof S3Error) return { ...shapeOfS3(error), fields: Object.entries(error.fields) };
  if (refusesOurCredentials(error)) return shapeOf(new S3Error('AccessDenied', { message: refusedMount }));
  if (error instanceof UfsAnswerError) {
    const { status, code, message, fields = [], headers = [] } = error.answer;
    // A copy or a complete may fail after its 200 went out (S3-WIRE 95, 100): to our client it never was one.
    return {
      status: status < 300 ? 500 : status,
      code,
      message: message || messageOf(code),
      fields,
      headers,
    };
  }
  if (error instanceof ForebayError) return shapeOf(asS3Error(error));
  return shapeOf(new S3Error('InternalError', { cause: error }));
}

/** Some stores leave the message out, and some clients stumble over an error without one. */
function messageOf(code: string): string {
  return Object.hasOwn(s3Errors, code) ? s3Errors[code as keyof typeof s3Errors].message : code;
}

function shapeOfS3(error: S3Error): Omit<Shape, 'fields'> {
  return { status: error.status, code: error.code, message: error.message, headers: error.headers };
}

function asS3Error(error: ForebayError): S3Error {
  switch (error.kind) {
    case 'overloaded':
      return new S3Error('SlowDown', { headers: [['retry-after', '1']], cause: error });
    case 'state-unknown': {
      const message =
        'The outcome of the write is unknown: it was sent, and no answer came. Read before you retry.';
      return new S3Error('InternalError', { message, cause: error });
    }
    case 'version-changed':
      return new S3Error('ServiceUnavailable', {
        message: 'The object kept changing while it was opened. Please try again.',
        cause: error,
      });
    default:
      return new S3Error('ServiceUnavailable', {
        message: 'The storage behind this bucket cannot be reached. Please try again.',
        headers: [['retry-after', String(Math.max(1, Math.ceil((error.retryAfterMs ?? 0) / 1000)))]],
        cause: error,
      });
  }
}
