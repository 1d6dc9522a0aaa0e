/** The meta parts of `read` and of its answer: pages of a version, asked of an owner of their segment. */
import type { OpenedPages, ReadRequest } from '@forebay/core/cache-node';
import type { ObjectInfo } from '@forebay/core/object';
import { ProtocolError } from './frame.ts';
import type { MetaReader, MetaWriter } from './meta.ts';
import { mountNameOf } from './mount-names.ts';
import { bytesOfInfo, type KnownInfos } from './open-answer.ts';
import { sizeIn } from './open-request.ts';

const bitCachedOnly = 1;
const bitVersionId = 2;
const bitTraceparent = 4;

export interface ReadMeta {
  readonly mountName: string;
  readonly windowBytes: number;
  readonly ufsKey: string;
  readonly versionId: string | undefined;
  readonly info: ObjectInfo;
  readonly range: ReadRequest['range'];
  readonly cachedOnly: boolean;
  readonly traceparent: string | undefined;
}

export function writeRead(
  meta: MetaWriter,
  { object, info, range, cachedOnly }: Omit<ReadRequest, 'signal'>,
  windowBytes: number,
  traceparent?: string,
): void {
  const { mount, ufsKey, versionId } = object;
  let bits = (cachedOnly ? bitCachedOnly : 0) | (versionId === undefined ? 0 : bitVersionId);
  if (traceparent !== undefined) bits |= bitTraceparent;
  meta.uint32(bits).uint32(windowBytes).text(mountNameOf(mount)).text(ufsKey);
  if (versionId !== undefined) meta.text(versionId);
  meta.double(range.start).double(range.endExclusive);
  if (traceparent !== undefined) meta.text(traceparent, 'latin1');
  meta.bytes(bytesOfInfo(info));
}

/** @throws ProtocolError */
export function readRead(meta: MetaReader, infos: KnownInfos): ReadMeta {
  const bits = meta.uint32();
  const windowBytes = meta.uint32();
  const mountName = meta.text();
  const ufsKey = meta.text();
  const versionId = bits & bitVersionId ? meta.text() : undefined;
  const range = { start: sizeIn(meta), endExclusive: sizeIn(meta) };
  const traceparent = bits & bitTraceparent ? meta.text('latin1') : undefined;
  const info = infos.of(meta.rest());
  if (range.start >= range.endExclusive || range.endExclusive > info.sizeBytes) {
    throw new ProtocolError('a read of bytes that the object does not have');
  }
  const cachedOnly = (bits & bitCachedOnly) !== 0;
  return { mountName, windowBytes, ufsKey, versionId, info, range, cachedOnly, traceparent };
}

/** An answer without its node, which the connection knows, and its body, which comes beside it. */
export type PagesMeta = Omit<OpenedPages, 'nodeId' | 'body'>;

export function writePages(meta: MetaWriter, { endExclusive, pages }: PagesMeta): void {
  meta.double(endExclusive).uint32(pages.hit).uint32(pages.total);
}

/** @throws ProtocolError */
export function readPages(meta: MetaReader): PagesMeta {
  return { endExclusive: sizeIn(meta), pages: { hit: meta.uint32(), total: meta.uint32() } };
}
