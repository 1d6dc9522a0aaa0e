/** Times of signatures: parsed, compared with the clock, and shown in errors. */

import { S3Error } from '../errors.ts';
import { parseHttpDate } from '../http-date.ts';

const skewMsMax = 15 * 60_000;

export interface SignedTime {
  /** As in the string to sign: `yyyyMMddTHHmmssZ`. */
  readonly amzDate: string;
  readonly ms: number;
  /** As the client sent it. */
  readonly sent: string;
}

let latest: SignedTime | undefined;

/** Of `x-amz-date` or `X-Amz-Date`; undefined where it is no such time. */
export function parseAmzDate(sent: string): SignedTime | undefined {
  // Requests of one second say the same.
  if (sent === latest?.sent) return latest;
  const parts = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z$/.exec(sent);
  if (!parts) return undefined;
  const [, year, month, day, hour, minute, second] = parts;
  const ms = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(ms)) return undefined;
  latest = { amzDate: sent, ms, sent };
  return latest;
}

/** Of the `Date` header, in HTTP's forms or in that of `x-amz-date`. */
export function parseDateHeader(sent: string): SignedTime | undefined {
  const ms = parseHttpDate(sent);
  if (ms === undefined) return parseAmzDate(sent);
  return { amzDate: isoTime(ms).replace(/[-:]/g, ''), ms, sent };
}

/** `2013-05-24T00:00:00Z` */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, 'Z');
}

/** @throws S3Error RequestTimeTooSkewed (S3-WIRE 26) */
export function refuseSkew(time: SignedTime, nowMs: number): void {
  if (Math.abs(nowMs - time.ms) <= skewMsMax) return;
  throw new S3Error('RequestTimeTooSkewed', {
    fields: {
      RequestTime: time.sent,
      ServerTime: isoTime(nowMs),
      MaxAllowedSkewMilliseconds: String(skewMsMax),
    },
  });
}

/** @throws S3Error AccessDenied before the link is valid, and once it has expired (S3-WIRE 39) */
export function refuseExpired(time: SignedTime, expiresSeconds: number, nowMs: number): void {
  if (time.ms - nowMs > skewMsMax) {
    throw new S3Error('AccessDenied', {
      message: 'Request is not valid yet',
      fields: { 'X-Amz-Date': time.sent, ServerTime: isoTime(nowMs) },
    });
  }
  const endMs = time.ms + expiresSeconds * 1000;
  if (nowMs < endMs) return;
  throw new S3Error('AccessDenied', {
    message: 'Request has expired',
    fields: {
      'X-Amz-Expires': String(expiresSeconds),
      Expires: isoTime(endMs),
      ServerTime: isoTime(nowMs),
    },
  });
}
