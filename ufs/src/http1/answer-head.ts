/**
 * The head of an HTTP/1.1 answer, read strictly (RFC 9112): what two parsers could read in two ways is
 * refused, because then the next answer on the connection could be taken for another one's.
 */
import type { HeaderList } from '@forebay/core/object';
import { WireError } from './no-answer.ts';

/** Where the body ends. */
export type Framing =
  | { readonly kind: 'length'; readonly lengthBytes: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until-close' };

export interface AnswerHead {
  readonly status: number;
  /** Lower-case names, values one character per byte. */
  readonly headers: HeaderList;
  readonly framing: Framing;
  /** Whether the connection may carry another request afterwards. */
  readonly keepsAlive: boolean;
  /** How long the other side says it keeps an idle connection. */
  readonly keptIdleMs: number | undefined;
}

const heads = /^HTTP\/1\.[01] [1-9]\d\d(?: [^\r\n\0]*)?(?:\r\n[\w!#$%&'*+.^`|~-]+:[^\r\n\0]*)*$/;

/**
 * @param text one character per byte, without the empty line at its end
 * @throws WireError EPROTO
 */
export function answerHeadOf(text: string, method: string): AnswerHead {
  if (!heads.test(text)) throw malformed('its head is no HTTP/1.1');
  const lines = text.split('\r\n');
  const statusLine = lines[0]!;
  const status = Number(statusLine.slice(9, 12));
  if (status === 101) throw malformed('it changes the protocol');
  const headers: [string, string][] = [];
  for (let index = 1; index < lines.length; index += 1) {
    const line = lines[index]!;
    const colon = line.indexOf(':');
    headers.push([line.slice(0, colon).toLowerCase(), trimmed(line, colon + 1)]);
  }
  const of = framingHeadersOf(headers);
  const framing = framingOf(of, { status, method });
  const isOld = statusLine.startsWith('HTTP/1.0');
  if (isOld && of.encodings > 0) throw malformed('transfer-encoding in HTTP/1.0');
  const keepsAlive = !isOld && !of.closes && framing.kind !== 'until-close';
  return { status, headers, framing, keepsAlive, keptIdleMs: of.keptIdleMs };
}

interface FramingHeaders {
  length: string | undefined;
  lengths: number;
  encoding: string;
  encodings: number;
  closes: boolean;
  keptIdleMs: number | undefined;
}

function framingHeadersOf(headers: HeaderList): FramingHeaders {
  const of: FramingHeaders = {
    length: undefined,
    lengths: 0,
    encoding: '',
    encodings: 0,
    closes: false,
    keptIdleMs: undefined,
  };
  for (const [name, value] of headers) {
    if (name === 'content-length') {
      of.length = value;
      of.lengths += 1;
    } else if (name === 'transfer-encoding') {
      of.encoding = value;
      of.encodings += 1;
    } else if (name === 'connection') {
      if (/(?:^|,)\s*close\s*(?:,|$)/i.test(value)) of.closes = true;
    } else if (name === 'keep-alive') {
      const seconds = /(?:^|,)\s*timeout\s*=\s*(\d{1,6})\b/i.exec(value)?.[1];
      if (seconds !== undefined) of.keptIdleMs = Number(seconds) * 1000;
    }
  }
  return of;
}

const noBody: Framing = { kind: 'length', lengthBytes: 0 };

/** RFC 9112 section 6.3. */
function framingOf(of: FramingHeaders, { status, method }: { status: number; method: string }): Framing {
  if (of.encodings > 0 && of.lengths > 0) throw malformed('both transfer-encoding and content-length');
  if (of.lengths > 1) throw malformed('content-length stands twice');
  if (of.length !== undefined && !/^\d{1,15}$/.test(of.length)) throw malformed('no usable content-length');
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return noBody;
  if (of.encodings > 0) {
    if (of.encodings > 1 || of.encoding.toLowerCase() !== 'chunked') throw malformed('an unknown encoding');
    return { kind: 'chunked' };
  }
  if (of.length === undefined) return { kind: 'until-close' };
  return { kind: 'length', lengthBytes: Number(of.length) };
}

/** From a position to the end, without spaces and tabs at both sides. */
function trimmed(line: string, from: number): string {
  let start = from;
  let end = line.length;
  while (start < end && isSpace(line.charCodeAt(start))) start += 1;
  while (end > start && isSpace(line.charCodeAt(end - 1))) end -= 1;
  return line.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}

export function malformed(reason: string): WireError {
  return new WireError('EPROTO', `the answer is malformed: ${reason}`);
}
