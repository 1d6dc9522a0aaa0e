/** What one node tells another to take, as it travels. Checked where it comes in: it is another process's. */
import type { Epoch } from '@forebay/core/membership';
import type { ObjectInfo } from '@forebay/core/object';

/** Names of the calls of the data plane. */
export const takePagesCall = 'takePages';
export const offeredAllCall = 'offeredAll';

/** Indexes from the first up to, not including, the second. */
export type PageRun = readonly [first: number, endExclusive: number];

export interface OfferedObject {
  readonly path: string;
  readonly mountPath: string;
  readonly pageSizeBytes: number;
  readonly etag: string;
  readonly versionId?: string | undefined;
  readonly sizeBytes: number;
  readonly runs: readonly PageRun[];
}

export interface Offer {
  /** The node that has the pages. */
  readonly from: string;
  readonly objects: readonly OfferedObject[];
}

export interface OfferedAll {
  readonly from: string;
  readonly epoch: Pick<Epoch, 'number' | 'registry'>;
}

export function runsOf(indexes: readonly number[]): PageRun[] {
  const runs: [number, number][] = [];
  for (const index of indexes) {
    const last = runs.at(-1);
    if (last?.[1] === index) last[1] += 1;
    else runs.push([index, index + 1]);
  }
  return runs;
}

/** As much of the info as pages are bound to. */
export function offeredInfo({ etag, versionId, sizeBytes }: OfferedObject): ObjectInfo {
  return { sizeBytes, etag, lastModifiedMs: 0, versionId, headers: [], checksumsKnown: false };
}

/** @throws Error where it is none */
export function offerIn(value: unknown): Offer {
  const { from, objects } = (value ?? {}) as Offer;
  if (typeof from !== 'string' || !Array.isArray(objects) || !objects.every(isOffered)) {
    throw new Error('no offer of pages');
  }
  return { from, objects };
}

/** @throws Error where it is none */
export function offeredAllIn(value: unknown): OfferedAll {
  const { from, epoch } = (value ?? {}) as OfferedAll;
  if (typeof from !== 'string' || !isCount(epoch?.number) || typeof epoch.registry !== 'string') {
    throw new Error('no end of offers');
  }
  return { from, epoch };
}

function isOffered(value: unknown): boolean {
  const of = (value ?? {}) as OfferedObject;
  const texts = [of.path, of.mountPath, of.etag, of.versionId ?? ''];
  if (!texts.every((text) => typeof text === 'string')) return false;
  if (!isCount(of.sizeBytes) || !isCount(of.pageSizeBytes) || of.pageSizeBytes === 0) return false;
  const pages = Math.ceil(of.sizeBytes / of.pageSizeBytes);
  const isRun = (run: unknown) => {
    const [first, endExclusive] = Array.isArray(run) ? (run as unknown[]) : [];
    return isCount(first) && isCount(endExclusive) && first < endExclusive && endExclusive <= pages;
  };
  return Array.isArray(of.runs) && of.runs.every(isRun);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
