/** The meta part of `open`: what a read asks for, in binary, because every read has one. */
import type { OpenRequest, ReadQuestion } from '@forebay/core/cache-node';
import type { ReadConditions } from '@forebay/core/conditions';
import type { RangeRequest } from '@forebay/core/range';
import { ProtocolError } from './frame.ts';
import type { MetaReader, MetaWriter } from './meta.ts';
import { mountNameOf } from './mount-names.ts';

/** Which optional parts are there, in the order in which they follow. */
const has = {
  bytes: 1,
  checksums: 2,
  versionId: 4,
  range: 8,
  ifMatch: 16,
  ifNoneMatch: 32,
  ifModifiedSince: 64,
  ifUnmodifiedSince: 128,
  ifRangeEtag: 256,
  ifRangeDate: 512,
  epoch: 1024,
  goneVersion: 2048,
  traceparent: 4096,
} as const;
const rangeKinds = ['span', 'from', 'suffix'] as const;

export type OpenQuestion = Omit<OpenRequest, 'signal'>;

export interface OpenMeta {
  readonly mountName: string;
  /** Bytes that the client takes before it grants more. */
  readonly windowBytes: number;
  /** Where the request is traced. */
  readonly traceparent: string | undefined;
  readonly question: Omit<OpenQuestion, 'object'> & {
    readonly object: { readonly ufsKey: string; readonly versionId: string | undefined };
  };
}

export function writeOpen(
  meta: MetaWriter,
  question: OpenQuestion,
  windowBytes: number,
  traceparent?: string,
): void {
  const { object, range, conditions, ifRange, epoch, goneVersion } = question;
  const bits = bitsOf(question) | (traceparent === undefined ? 0 : has.traceparent);
  meta.uint32(bits).uint32(windowBytes).text(mountNameOf(object.mount)).text(object.ufsKey);
  if (bits === 0 || bits === has.bytes) return;
  if (object.versionId !== undefined) meta.text(object.versionId);
  if (range) writeRange(meta, range);
  if (conditions?.ifMatch !== undefined) meta.text(conditions.ifMatch, 'latin1');
  if (conditions?.ifNoneMatch !== undefined) meta.text(conditions.ifNoneMatch, 'latin1');
  if (conditions?.ifModifiedSinceMs !== undefined) meta.double(conditions.ifModifiedSinceMs);
  if (conditions?.ifUnmodifiedSinceMs !== undefined) meta.double(conditions.ifUnmodifiedSinceMs);
  if (ifRange && 'etag' in ifRange) meta.text(ifRange.etag, 'latin1');
  else if (ifRange) meta.double(ifRange.lastModifiedMs);
  if (epoch !== undefined) meta.double(epoch);
  if (goneVersion !== undefined) meta.text(goneVersion);
  if (traceparent !== undefined) meta.text(traceparent, 'latin1');
}

function bitsOf(question: OpenQuestion): number {
  const { want, needChecksums, object, range, conditions, ifRange, epoch, goneVersion } = question;
  let bits = want === 'bytes' ? has.bytes : 0;
  if (needChecksums) bits |= has.checksums;
  if (object.versionId !== undefined) bits |= has.versionId;
  if (range) bits |= has.range;
  if (conditions) {
    if (conditions.ifMatch !== undefined) bits |= has.ifMatch;
    if (conditions.ifNoneMatch !== undefined) bits |= has.ifNoneMatch;
    if (conditions.ifModifiedSinceMs !== undefined) bits |= has.ifModifiedSince;
    if (conditions.ifUnmodifiedSinceMs !== undefined) bits |= has.ifUnmodifiedSince;
  }
  if (ifRange) bits |= 'etag' in ifRange ? has.ifRangeEtag : has.ifRangeDate;
  if (epoch !== undefined) bits |= has.epoch;
  if (goneVersion !== undefined) bits |= has.goneVersion;
  return bits;
}

/** @throws ProtocolError */
export function readOpen(meta: MetaReader): OpenMeta {
  const bits = meta.uint32();
  const windowBytes = meta.uint32();
  const mountName = meta.text();
  const ufsKey = meta.text();
  const versionId = bits & has.versionId ? meta.text() : undefined;
  const range = bits & has.range ? readRange(meta) : undefined;
  const question: OpenMeta['question'] = {
    object: { ufsKey, versionId },
    want: bits & has.bytes ? 'bytes' : 'info',
    range,
    conditions: conditionsOf(bits, meta),
    ifRange: ifRangeOf(bits, meta),
    needChecksums: (bits & has.checksums) !== 0,
    epoch: bits & has.epoch ? meta.double() : undefined,
    goneVersion: bits & has.goneVersion ? meta.text() : undefined,
  };
  const traceparent = bits & has.traceparent ? meta.text('latin1') : undefined;
  return { mountName, windowBytes, traceparent, question };
}

function conditionsOf(bits: number, meta: MetaReader): ReadConditions | undefined {
  const conditional = has.ifMatch | has.ifNoneMatch | has.ifModifiedSince | has.ifUnmodifiedSince;
  if (!(bits & conditional)) return undefined;
  return {
    ...(bits & has.ifMatch && { ifMatch: meta.text('latin1') }),
    ...(bits & has.ifNoneMatch && { ifNoneMatch: meta.text('latin1') }),
    ...(bits & has.ifModifiedSince && { ifModifiedSinceMs: meta.double() }),
    ...(bits & has.ifUnmodifiedSince && { ifUnmodifiedSinceMs: meta.double() }),
  };
}

function ifRangeOf(bits: number, meta: MetaReader): ReadQuestion['ifRange'] {
  if (bits & has.ifRangeEtag) return { etag: meta.text('latin1') };
  return bits & has.ifRangeDate ? { lastModifiedMs: meta.double() } : undefined;
}

function writeRange(meta: MetaWriter, range: RangeRequest): void {
  meta.uint8(rangeKinds.indexOf(range.kind));
  if (range.kind === 'suffix') meta.double(range.lengthBytes);
  else meta.double(range.start);
  if (range.kind === 'span') meta.double(range.endExclusive);
}

function readRange(meta: MetaReader): RangeRequest {
  const kind = rangeKinds[meta.uint8()];
  const first = sizeIn(meta);
  if (kind === 'from') return { kind, start: first };
  if (kind === 'suffix') return { kind, lengthBytes: first };
  if (kind === undefined) throw new ProtocolError('there is no such kind of range');
  return { kind, start: first, endExclusive: sizeIn(meta) };
}

/** @throws ProtocolError */
export function sizeIn(meta: MetaReader): number {
  const value = meta.double();
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new ProtocolError(`${value} is no place in an object`);
}
