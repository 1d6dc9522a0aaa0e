/**
 * Reads that carry more than a key and a range: versionId, partNumber, conditions, response overrides. What
 * a local store has no notion of gets S3's own refusal (S3-WIRE 80, 81, 83, 84, 121).
 */
import { evaluateConditions } from '@forebay/core/conditions';
import { type HeaderList, headerValue, type ObjectInfo } from '@forebay/core/object';
import { type ByteRange, type RangeRequest, resolveRange } from '@forebay/core/range';
import type { UfsForward, UfsForwarded } from '../ufs.ts';
import {
  checkVersionId,
  invalidArgument,
  invalidPartNumber,
  invalidRange,
  invalidRequest,
  preconditionFailed,
} from './answers.ts';
import type { OpenObject } from './backend.ts';
import { isChecksumHeader } from './object-headers.ts';
import { readConditions } from './write-conditions.ts';

const overrides: readonly string[] = [
  'content-type',
  'content-language',
  'content-encoding',
  'content-disposition',
  'cache-control',
  'expires',
];
/** What a read of an object's bytes may carry in its query. */
const ofBytes = /^(versionId|partNumber|response-.*)$/;
const partsMax = 10_000;

interface Selection {
  readonly status: number;
  readonly range: ByteRange;
  /** Of what is selected; without `x-amz-checksum-mode` they are left out. */
  readonly checksums: HeaderList;
  readonly partsCount?: number | undefined;
}

/** The sub-resource that a request is about; undefined where it is the object itself. */
export function subResourceOf({ query }: UfsForward): string | undefined {
  return query.find(([name]) => !ofBytes.test(name))?.[0];
}

/** Before the object is looked up. @throws UfsAnswerError */
export function checkDirectRead(request: UfsForward): void {
  const names = new Map(request.query);
  checkVersionId(names.get('versionId'));
  refuseCustomerKey(request.headers);
  const part = names.get('partNumber');
  if (part === undefined) return;
  if (headerValue(request.headers, 'range') !== undefined) {
    throw invalidRequest('Cannot specify both Range header and partNumber query parameter');
  }
  if (!/^\d{1,5}$/.test(part) || Number(part) < 1 || Number(part) > partsMax) {
    const message = `Part number must be an integer between 1 and ${partsMax}, inclusive.`;
    throw invalidArgument(message, 'partNumber', part);
  }
}

/** Nothing is encrypted here. @throws UfsAnswerError InvalidRequest */
export function refuseCustomerKey(headers: HeaderList): void {
  if (headers.some(([name]) => name.startsWith('x-amz-server-side-encryption-customer-'))) {
    throw invalidRequest('The encryption parameters are not applicable to this object.');
  }
}

/** Takes the object over. */
export async function answerDirectRead(
  request: UfsForward,
  object: OpenObject,
  info: ObjectInfo,
): Promise<UfsForwarded> {
  let handedOver = false;
  try {
    const outcome = evaluateConditions(readConditions(request.headers), info);
    if (outcome === 'not-modified') {
      const kept = info.headers.filter(([name]) => name === 'cache-control' || name === 'expires');
      return { status: 304, headers: [...versionHeaders(info), ...kept], body: emptyBody() };
    }
    if (outcome !== 'met') throw preconditionFailed(outcome.failed);
    const selection = select(request, object, info);
    const headers = answerHeaders(request, selection, info);
    handedOver = request.method === 'GET';
    const body = handedOver ? object.read(selection.range, request.signal) : emptyBody();
    return { status: selection.status, headers, body };
  } finally {
    if (!handedOver) await object.close();
  }
}

function select(request: UfsForward, object: OpenObject, info: ObjectInfo): Selection {
  const part = new Map(request.query).get('partNumber');
  const whole = { start: 0, endExclusive: info.sizeBytes };
  const checksums = object.record.headers.filter(
    ([name]) => isChecksumHeader(name) || name === 'x-amz-checksum-type',
  );
  if (part !== undefined) return selectPart(Number(part), object, { whole, checksums });
  const text = headerValue(request.headers, 'range');
  const resolved = resolveRange(text === undefined ? undefined : parseRange(text), info.sizeBytes);
  if (resolved === 'unsatisfiable') throw invalidRange(text, info.sizeBytes);
  if (resolved.whole) return { status: 200, range: resolved.range, checksums };
  const all = resolved.range.start === 0 && resolved.range.endExclusive === info.sizeBytes;
  return { status: 206, range: resolved.range, checksums: all ? checksums : [] };
}

function selectPart(
  partNumber: number,
  object: OpenObject,
  { whole, checksums }: { whole: ByteRange; checksums: HeaderList },
): Selection {
  const { parts } = object.record;
  const count = parts?.length ?? 1;
  if (partNumber > count) throw invalidPartNumber(partNumber, count);
  if (!parts) return { status: 206, range: whole, checksums };
  const before = parts.slice(0, partNumber - 1);
  const start = before.reduce((sum, part) => sum + part.sizeBytes, 0);
  const part = parts[partNumber - 1]!;
  const range = { start, endExclusive: start + part.sizeBytes };
  return { status: 206, range, checksums: part.checksums, partsCount: count };
}

function answerHeaders(request: UfsForward, selection: Selection, info: ObjectInfo): HeaderList {
  const query = new Map(request.query);
  const { range } = selection;
  const lengthBytes = range.endExclusive - range.start;
  const replaced = new Set(overrides.filter((name) => query.has(`response-${name}`)));
  const kept = info.headers.filter(([name]) => !name.startsWith('x-amz-checksum-') && !replaced.has(name));
  const headers: [string, string][] = [...versionHeaders(info), ['accept-ranges', 'bytes']];
  headers.push(['content-length', String(lengthBytes)]);
  if (selection.status === 206 && lengthBytes > 0) {
    headers.push(['content-range', `bytes ${range.start}-${range.endExclusive - 1}/${info.sizeBytes}`]);
  }
  for (const [name, value] of kept) headers.push([name, value]);
  for (const name of replaced) headers.push([name, query.get(`response-${name}`)!]);
  if (selection.partsCount !== undefined)
    headers.push(['x-amz-mp-parts-count', String(selection.partsCount)]);
  if (headerValue(request.headers, 'x-amz-checksum-mode')?.toUpperCase() === 'ENABLED') {
    for (const [name, value] of selection.checksums) headers.push([name, value]);
  }
  return headers;
}

function versionHeaders(info: ObjectInfo): [string, string][] {
  return [
    ['etag', info.etag ?? ''],
    ['last-modified', new Date(info.lastModifiedMs).toUTCString()],
  ];
}

/** One range in bytes; anything else is as if it had not been sent (S3-WIRE 76). */
export function parseRange(text: string): RangeRequest | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(text);
  if (!match) return undefined;
  const [first, last] = [match[1]!, match[2]!];
  if (first === '') return last === '' ? undefined : { kind: 'suffix', lengthBytes: Number(last) };
  if (last === '') return { kind: 'from', start: Number(first) };
  if (Number(last) < Number(first)) return undefined;
  return { kind: 'span', start: Number(first), endExclusive: Number(last) + 1 };
}

async function* emptyBody(): AsyncGenerator<Uint8Array> {}
