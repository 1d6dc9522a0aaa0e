/**
 * Reads Forebay's access log (JSON lines of `forebay serve --access-log on`) for replay. Reads of objects
 * are replayed, and lists of a bucket; what writes is not, as the log does not hold what was written.
 */
import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

export interface LoggedRead {
  readonly method: 'GET' | 'HEAD';
  readonly bucket: string;
  readonly key: string;
  /** `bytes=0-99`, as the client sent it. */
  readonly range?: string;
  /** When it came in, from the first read of the log on. */
  readonly atMs: number;
}

export interface LoggedReads {
  readonly reads: readonly LoggedRead[];
  /** Requests of the log that are not replayed: writes, lists, and what failed. */
  readonly passedOver: number;
}

/** @throws Error of the file system */
export async function readAccessLog(file: string): Promise<LoggedReads> {
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Number.POSITIVE_INFINITY });
  const found: LoggedRead[] = [];
  let passedOver = 0;
  for await (const line of lines) {
    const entry = entryOf(line);
    if (!entry) continue;
    const read = readOf(entry);
    if (read) found.push(read);
    else passedOver += 1;
  }
  // Lines are written when requests end; requests are replayed as they came in.
  found.sort((a, b) => a.atMs - b.atMs);
  const startMs = found[0]?.atMs ?? 0;
  return { reads: found.map((read) => ({ ...read, atMs: read.atMs - startMs })), passedOver };
}

type Entry = Readonly<Record<string, unknown>>;

/** Undefined for all that is no line of the access log: other lines of the log are between them. */
function entryOf(line: string): Entry | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const entry = JSON.parse(line) as Entry;
    return entry.msg === 'request' && typeof entry.op === 'string' ? entry : undefined;
  } catch {
    return undefined;
  }
}

function readOf({ method, op, bucket, key, range, status, time, ms }: Entry): LoggedRead | undefined {
  if (op !== 'GetObject' && op !== 'HeadObject') return undefined;
  if (typeof bucket !== 'string' || typeof key !== 'string' || key === '') return undefined;
  if (status !== 200 && status !== 206) return undefined;
  const endedMs = Date.parse(String(time));
  if (Number.isNaN(endedMs)) return undefined;
  return {
    method: method === 'HEAD' ? 'HEAD' : 'GET',
    bucket,
    key,
    ...(typeof range === 'string' && { range }),
    atMs: endedMs - (typeof ms === 'number' ? ms : 0),
  };
}
