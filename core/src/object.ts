/**
 * What Forebay knows of an object: its info. The version is the exact content; pages belong to a version.
 */

/**
 * Lower-case header names with their values, one JavaScript character per byte (latin1), in the UFS's
 * order.
 */
export type HeaderList = readonly (readonly [name: string, value: string])[];

export interface ObjectInfo {
  readonly sizeBytes: number;
  /** As the UFS sent it, quotes and any `W/` included; undefined where it sent none. */
  readonly etag: string | undefined;
  /** Milliseconds since the epoch, whole seconds. */
  readonly lastModifiedMs: number;
  readonly versionId: string | undefined;
  /**
   * Everything else the UFS says of the object and a client must see again: content-type, content-encoding,
   * cache-control, expires, x-amz-meta-*, x-amz-version-id, x-amz-checksum-*, ... Never etag, last-modified,
   * content-length, content-range, accept-ranges, or anything of one answer (date, request ids).
   */
  readonly headers: HeaderList;
  /** False where the info came with a ranged answer, which never carries the whole object's checksums. */
  readonly checksumsKnown: boolean;
}

/**
 * A strong ETag is what binds bytes to a version: without one nothing is cached or resumed (DESIGN §4,
 * Versions).
 */
export function hasStrongEtag(info: ObjectInfo): info is ObjectInfo & { readonly etag: string } {
  return info.etag !== undefined && info.etag !== '' && info.etag !== '""' && !info.etag.startsWith('W/');
}

/** The exact content, as text: equal texts, equal bytes. */
export function versionOf(info: Pick<ObjectInfo, 'etag' | 'sizeBytes' | 'versionId'>): string {
  return `${info.etag ?? ''}|${info.sizeBytes}|${info.versionId ?? ''}`;
}

/** As much of the info as a version's text and the size tell: what pages are bound to. */
export function infoOfVersion(version: string, sizeBytes: number): ObjectInfo | undefined {
  const size = `|${sizeBytes}|`;
  const at = version.indexOf(size);
  if (at < 0) return undefined;
  return {
    sizeBytes,
    etag: version.slice(0, at) || undefined,
    lastModifiedMs: 0,
    versionId: version.slice(at + size.length) || undefined,
    headers: [],
    checksumsKnown: false,
  };
}

export function headerValue(headers: HeaderList, name: string): string | undefined {
  for (const [candidate, value] of headers) if (candidate === name) return value;
  return undefined;
}
