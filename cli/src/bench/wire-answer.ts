/** The little of HTTP/1.1 answers that a load generator reads: the head, and where the body ends. */

export const headEnd = Buffer.from('\r\n\r\n');
export const headBytesMax = 64 * 1024;

export interface Head {
  /** Status line and headers. */
  readonly text: string;
  readonly status: number;
  readonly lengthBytes: number | undefined;
  readonly chunked: boolean;
  readonly close: boolean;
  /** The body ends with the connection. */
  readonly untilClose: boolean;
}

/** Undefined for what is no head. @param text without the blank line */
export function parseHead(text: string): Head | undefined {
  if (!text.startsWith('HTTP/1.')) return undefined;
  const status = Number(text.slice(9, 12));
  if (!Number.isInteger(status) || status < 100) return undefined;
  const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
  const chunked = length === undefined && /\r\ntransfer-encoding: *chunked/i.test(text);
  const untilClose = length === undefined && !chunked && status >= 200 && status !== 204 && status !== 304;
  return {
    text,
    status,
    lengthBytes: length === undefined ? undefined : Number(length),
    chunked,
    close: untilClose || /\r\nconnection: *close/i.test(text),
    untilClose,
  };
}

/** A header of an answer's head. */
export function headerOf(head: string, name: string): string | undefined {
  return new RegExp(`\\r\\n${name}: *([^\\r]*)`, 'i').exec(head)?.[1];
}

/**
 * Takes the bytes after the head and gives the body's to `give`. It says true when the body has ended; it is
 * to be called once at least, also with no bytes.
 */
export function bodyOf(
  head: Head,
  headOnly: boolean,
  give: (bytes: Buffer) => void,
): (bytes: Buffer) => boolean {
  if (headOnly || head.status === 204 || head.status === 304) return () => true;
  if (head.chunked) return chunkedBody(give);
  const sizeBytes = head.lengthBytes ?? Number.POSITIVE_INFINITY;
  let left = sizeBytes;
  return (bytes) => {
    const piece = bytes.length > left ? bytes.subarray(0, left) : bytes;
    if (piece.length > 0) give(piece);
    left -= piece.length;
    return left === 0;
  };
}

/** RFC 9112, section 7.1, as far as servers use it: extensions and trailers are passed over. */
function chunkedBody(give: (bytes: Buffer) => void): (bytes: Buffer) => boolean {
  let line = '';
  let left = 0;
  let state: 'size' | 'data' | 'dataEnd' | 'trailer' = 'size';
  const takeLine = (): boolean => {
    const text = line;
    line = '';
    if (state === 'trailer') return text === '';
    if (state === 'dataEnd') state = 'size';
    else {
      left = Number.parseInt(text, 16);
      state = left === 0 ? 'trailer' : 'data';
    }
    return false;
  };
  return (bytes) => {
    let at = 0;
    while (at < bytes.length) {
      if (state === 'data') {
        const piece = bytes.subarray(at, at + left);
        give(piece);
        at += piece.length;
        left -= piece.length;
        if (left === 0) state = 'dataEnd';
        continue;
      }
      const end = bytes.indexOf(10, at);
      line += bytes.toString('latin1', at, end < 0 ? bytes.length : end).replace('\r', '');
      if (end < 0) return false;
      at = end + 1;
      if (takeLine()) return true;
    }
    return false;
  };
}
