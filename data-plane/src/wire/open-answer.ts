/** The meta part of `answer`: what was found, in binary, because every read has one. */
import type { AbsentObject, CacheResult, OpenedObject } from '@forebay/core/cache-node';
import type { ConditionOutcome } from '@forebay/core/conditions';
import type { ObjectInfo } from '@forebay/core/object';
import { ProtocolError } from './frame.ts';
import { fromJson, MetaReader, MetaWriter, toJson } from './meta.ts';
import { answerIn } from './wire-errors.ts';

const results: readonly CacheResult[] = [
  'HIT',
  'REVALIDATED',
  'PARTIAL',
  'COALESCED',
  'MISS',
  'STALE',
  'BYPASS',
];
const outcomes: readonly ConditionOutcome[] = [
  'met',
  'not-modified',
  { failed: 'If-Match' },
  { failed: 'If-Unmodified-Since' },
];
const kindObject = 0;
const kindAbsent = 1;
const bitWhole = 1;
const bitUnsatisfiable = 2;
const bitBody = 4;
const bitBodyEnd = 8;

type Opened = OpenedObject | AbsentObject;
/** An answer without its node, which the connection knows, and its body, which comes beside it. */
export type FoundMeta = Omit<OpenedObject, 'nodeId' | 'body'> & BodyMeta;
export type AnswerMeta = FoundMeta | (Omit<AbsentObject, 'nodeId'> & BodyMeta);

interface BodyMeta {
  readonly hasBody: boolean;
  /** Of the body. */
  readonly lengthBytes: number;
}

export function writeAnswer(meta: MetaWriter, opened: Opened): void {
  meta.uint8(opened.kind === 'object' ? kindObject : kindAbsent);
  meta.uint8(results.indexOf(opened.cache)).double(opened.ageMs);
  if (opened.kind === 'absent') {
    meta.bytes(toJson(opened.answer));
    return;
  }
  const { condition, range, whole, pages, bodyEndExclusive, body, info } = opened;
  const satisfiable = range !== 'unsatisfiable';
  let bits = (whole ? bitWhole : 0) | (satisfiable ? 0 : bitUnsatisfiable) | (body ? bitBody : 0);
  if (bodyEndExclusive !== undefined) bits |= bitBodyEnd;
  meta.uint8(outcomeIndexOf(condition)).uint8(bits);
  meta.double(satisfiable ? range.start : 0).double(satisfiable ? range.endExclusive : 0);
  meta.uint32(pages.hit).uint32(pages.total);
  if (bodyEndExclusive !== undefined) meta.double(bodyEndExclusive);
  meta.bytes(bytesOfInfo(info));
}

function outcomeIndexOf(outcome: ConditionOutcome): number {
  if (outcome === 'met') return 0;
  if (outcome === 'not-modified') return 1;
  return outcome.failed === 'If-Match' ? 2 : 3;
}

/** @throws ProtocolError */
export function readAnswer(bytes: Buffer, infos: KnownInfos): AnswerMeta {
  const meta = new MetaReader(bytes);
  const kind = meta.uint8();
  const cache = results[meta.uint8()];
  const ageMs = meta.double();
  if (cache === undefined) throw new ProtocolError('there is no such cache result');
  if (kind === kindAbsent) {
    const answer = answerIn(fromJson(meta.rest()));
    return { kind: 'absent', cache, ageMs, answer, hasBody: false, lengthBytes: 0 };
  }
  if (kind !== kindObject) throw new ProtocolError('there is no such kind of answer');
  const condition = outcomes[meta.uint8()];
  if (condition === undefined) throw new ProtocolError('there is no such condition');
  const bits = meta.uint8();
  const span = { start: meta.double(), endExclusive: meta.double() };
  const pages = { hit: meta.uint32(), total: meta.uint32() };
  const bodyEndExclusive = bits & bitBodyEnd ? meta.double() : undefined;
  return {
    kind: 'object',
    cache,
    ageMs,
    condition,
    range: bits & bitUnsatisfiable ? 'unsatisfiable' : span,
    whole: (bits & bitWhole) !== 0,
    pages,
    bodyEndExclusive,
    hasBody: (bits & bitBody) !== 0,
    lengthBytes: bits & bitUnsatisfiable ? 0 : (bodyEndExclusive ?? span.endExclusive) - span.start,
    info: infos.of(meta.rest()),
  };
}

const infoWriter = new MetaWriter();
/** An info is kept for many reads, and written down once. */
const written = new WeakMap<ObjectInfo, Buffer>();

export function bytesOfInfo(info: ObjectInfo): Buffer {
  const known = written.get(info);
  if (known) return known;
  const { etag, versionId, headers } = info;
  const bits =
    (etag === undefined ? 0 : 1) | (versionId === undefined ? 0 : 2) | (info.checksumsKnown ? 4 : 0);
  const meta = infoWriter.reset().uint8(bits).double(info.sizeBytes).double(info.lastModifiedMs);
  if (etag !== undefined) meta.text(etag, 'latin1');
  if (versionId !== undefined) meta.text(versionId);
  meta.uint32(headers.length);
  for (const [name, value] of headers) meta.text(name, 'latin1').text(value, 'latin1');
  const bytes = Buffer.from(meta.written);
  written.set(info, bytes);
  return bytes;
}

/** @throws ProtocolError */
function infoIn(bytes: Buffer): ObjectInfo {
  const meta = new MetaReader(bytes);
  const bits = meta.uint8();
  const sizeBytes = meta.double();
  const lastModifiedMs = meta.double();
  const etag = bits & 1 ? meta.text('latin1') : undefined;
  const versionId = bits & 2 ? meta.text() : undefined;
  const headers: [string, string][] = [];
  for (let left = meta.uint32(); left > 0; left -= 1)
    headers.push([meta.text('latin1'), meta.text('latin1')]);
  return { sizeBytes, etag, lastModifiedMs, versionId, headers, checksumsKnown: (bits & 4) !== 0 };
}

const knownInfosMax = 4096;
/** Longer ones are read anew each time. */
const knownInfoBytesMax = 2048;

/** Infos as objects, the same object for the same bytes: what is made of an info is made once. */
export class KnownInfos {
  readonly #infos = new Map<string, ObjectInfo>();

  /** @throws ProtocolError */
  of(bytes: Buffer): ObjectInfo {
    if (bytes.length > knownInfoBytesMax) return infoIn(bytes);
    const name = bytes.toString('latin1');
    const known = this.#infos.get(name);
    if (known) return known;
    const info = infoIn(bytes);
    if (this.#infos.size >= knownInfosMax) {
      const [oldest] = this.#infos.keys();
      this.#infos.delete(oldest!);
    }
    this.#infos.set(name, info);
    return info;
  }
}
