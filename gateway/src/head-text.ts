/** Heads of answers as text, as Node writes them for the same answer, by fewer steps. */
import { STATUS_CODES } from 'node:http';
import type { HeaderList } from '@forebay/core/object';
import { isBodiless } from './s3/answer.ts';
import type { S3Answer } from './s3/types.ts';

/** What Node lets through (RFC 9110 §5.5): anything else it refuses, and so it is left to Node. */
const valueThatIsNone = /[^\t\x20-\x7e\x80-\xff]/;

/** Undefined where a value is none. */
function linesOf(headers: HeaderList): string | undefined {
  let lines = '';
  for (const [name, value] of headers) {
    if (valueThatIsNone.test(value)) return undefined;
    lines += `${name}: ${value}\r\n`;
  }
  return lines;
}

const sharedLines = new WeakMap<HeaderList, string>();

function sharedLinesOf(headers: HeaderList): string | undefined {
  const known = sharedLines.get(headers);
  if (known !== undefined) return known;
  const lines = linesOf(headers);
  if (lines !== undefined) sharedLines.set(headers, lines);
  return lines;
}

export interface HeadTextOptions {
  /** In front of every answer's own, behind its request id. */
  readonly sameHeaders: HeaderList;
  readonly keepAliveTimeoutMs: number;
  readonly wallMs: () => number;
}

export class HeadText {
  readonly #same: string;
  readonly #keepAlive: string;
  readonly #wallMs: () => number;
  #second = Number.NaN;
  #end = '';

  constructor({ sameHeaders, keepAliveTimeoutMs, wallMs }: HeadTextOptions) {
    this.#same = linesOf(sameHeaders) ?? '';
    const seconds = Math.floor(keepAliveTimeoutMs / 1000);
    this.#keepAlive = `Connection: keep-alive\r\nKeep-Alive: timeout=${seconds}\r\n\r\n`;
    this.#wallMs = wallMs;
  }

  /**
   * The head of an answer on a connection that goes on; undefined where only Node can write it.
   * @param bodyBytes of the body, 0 where there is none
   */
  of(id: string, answer: S3Answer, bodyBytes: number): string | undefined {
    const { status, headers, sharedHeaders } = answer;
    const own = linesOf(headers);
    const shared = sharedHeaders === undefined ? '' : sharedLinesOf(sharedHeaders);
    if (own === undefined || shared === undefined) return undefined;
    const hasLength = headers.some(([name]) => name === 'content-length');
    if (hasLength && isBodiless(status)) return undefined;
    const length = hasLength || isBodiless(status) ? '' : `content-length: ${bodyBytes}\r\n`;
    const first = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nx-amz-request-id: ${id}\r\n`;
    return first + this.#same + own + shared + length + this.#endNow();
  }

  /** Date and connection, made once a second. */
  #endNow(): string {
    const second = Math.floor(this.#wallMs() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#end = `Date: ${new Date(second * 1000).toUTCString()}\r\n${this.#keepAlive}`;
    }
    return this.#end;
  }
}
