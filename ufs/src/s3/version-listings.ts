/**
 * Listings of versions and delete markers, newest first within a key (S3-WIRE 114). The SDK takes a document
 * apart by kind, so the order is read from the document itself; and stores differ in where a marker begins,
 * so what is at or before it is dropped here.
 */
import {
  ListObjectVersionsCommand,
  type ListObjectVersionsOutput,
  type ObjectVersion,
} from '@aws-sdk/client-s3';
import { compareUtf8 } from '@forebay/core/utf8-order';
import type { UfsVersion, UfsVersionListing, UfsVersionsRequest } from '../ufs.ts';
import type { ControlClient } from './control-client.ts';
import { quotedEtag } from './document-values.ts';
import { unavailable } from './lean-client.ts';
import { decoderOf, namedOf } from './listings.ts';

/** Pages that held nothing past the marker before the store is given up on: each makes progress. */
const emptyPagesMax = 100;

interface Markers {
  readonly key: string | undefined;
  readonly versionId: string | undefined;
}

export class VersionListings {
  readonly #control: ControlClient;
  readonly #bucket: string;

  constructor(control: ControlClient, bucket: string) {
    this.#control = control;
    this.#bucket = bucket;
  }

  async versions(request: UfsVersionsRequest): Promise<UfsVersionListing> {
    let markers: Markers = { key: request.startAfter, versionId: request.startAfterVersion };
    let { maxKeys } = request;
    for (let page = 0; page < emptyPagesMax; page += 1) {
      const { listing, next } = await this.#page({ ...request, maxKeys }, markers);
      const some = listing.entries.length + listing.commonPrefixes.length > 0;
      if (some || !listing.truncated || next.key === undefined) return listing;
      // Some stores begin with the very version that a marker names: one more is what comes behind it.
      if (next.key === markers.key && next.versionId === markers.versionId) maxKeys = request.maxKeys + 1;
      markers = next;
    }
    throw unavailable({ method: 'GET' }, 'a listing that makes no progress');
  }

  async #page(request: UfsVersionsRequest, markers: Markers) {
    const { prefix, delimiter, startAfter, maxKeys, headers, signal } = request;
    const command = new ListObjectVersionsCommand({
      Bucket: this.#bucket,
      EncodingType: 'url',
      MaxKeys: maxKeys,
      ...(prefix !== '' && { Prefix: prefix }),
      ...(delimiter && { Delimiter: delimiter }),
      ...(markers.key && { KeyMarker: markers.key }),
      ...(markers.versionId && { VersionIdMarker: markers.versionId }),
    });
    const call = { method: 'GET', about: 'bucket', headers, signal } as const;
    const { output, document } = await this.#control.run(command, call);
    const text = decoderOf(output);
    const listing = {
      entries: orderedEntries(output, document.toString()).filter((entry) => isPast(entry, request)),
      commonPrefixes: (output.CommonPrefixes ?? [])
        .map(({ Prefix }) => text(Prefix ?? ''))
        .filter((group) => !startAfter || compareUtf8(group, startAfter) > 0),
      truncated: output.IsTruncated ?? false,
    };
    const { NextKeyMarker: key, NextVersionIdMarker: versionId } = output;
    return { listing, next: { key: key ? text(key) : undefined, versionId: versionId || undefined } };
  }
}

/** A key marker alone stands for all versions of its key. */
function isPast({ key, versionId }: UfsVersion, { startAfter, startAfterVersion }: UfsVersionsRequest) {
  const order = startAfter ? compareUtf8(key, startAfter) : 1;
  if (order !== 0) return order > 0;
  return startAfterVersion !== undefined && versionId !== startAfterVersion;
}

/** @throws ForebayError `ufs-unavailable` where the document is not what the SDK has read */
function orderedEntries(output: ListObjectVersionsOutput, document: string): UfsVersion[] {
  const text = decoderOf(output);
  const versions = (output.Versions ?? []).map((version) => versionOf(version, text));
  const markers = (output.DeleteMarkers ?? []).map((marker): UfsVersion => {
    return { ...namedVersion(marker, text), deleteMarker: true };
  });
  const kinds = [...document.matchAll(/<(Version|DeleteMarker)[\s>]/g)].map(([, kind]) => kind);
  const heads = { versions: 0, markers: 0 };
  const listed = kinds.map((kind) =>
    kind === 'Version' ? versions[heads.versions++] : markers[heads.markers++],
  );
  const entries = listed.filter((entry) => entry !== undefined);
  if (entries.length !== kinds.length || entries.length !== versions.length + markers.length) {
    throw unavailable({ method: 'GET' }, 'a listing of versions that cannot be read');
  }
  return isInOrder(entries) ? entries : merged(versions, markers);
}

/** Some stores put all delete markers before all versions. */
function isInOrder(entries: readonly UfsVersion[]): boolean {
  return entries.every((entry, index) => {
    const before = entries[index - 1];
    const order = before ? compareUtf8(before.key, entry.key) : -1;
    return order < 0 || (order === 0 && !entry.isLatest);
  });
}

/** Both lists are in order; which of two of one key is newer their times tell, or else their ids. */
function merged(versions: readonly UfsVersion[], markers: readonly UfsVersion[]): UfsVersion[] {
  const all: UfsVersion[] = [];
  let marker = 0;
  for (const version of versions) {
    for (let next = markers[marker]; next && comesFirst(next, version); next = markers[marker]) {
      all.push(next);
      marker += 1;
    }
    all.push(version);
  }
  return [...all, ...markers.slice(marker)];
}

function comesFirst(a: UfsVersion, b: UfsVersion): boolean {
  const order = compareUtf8(a.key, b.key);
  if (order !== 0) return order < 0;
  if (a.isLatest !== b.isLatest) return a.isLatest;
  const laterSeconds = Math.floor(a.lastModifiedMs / 1000) - Math.floor(b.lastModifiedMs / 1000);
  return laterSeconds === 0 ? a.versionId > b.versionId : laterSeconds > 0;
}

function versionOf(version: ObjectVersion, text: (name: string) => string): UfsVersion {
  return {
    ...namedVersion(version, text),
    deleteMarker: false,
    sizeBytes: version.Size ?? 0,
    etag: quotedEtag(version.ETag),
    storageClass: version.StorageClass || 'STANDARD',
    checksumAlgorithms: version.ChecksumAlgorithm,
    checksumType: namedOf(version.ChecksumType),
  };
}

type Named = Pick<ObjectVersion, 'Key' | 'VersionId' | 'IsLatest' | 'LastModified'>;

function namedVersion(version: Named, text: (name: string) => string) {
  return {
    key: text(version.Key ?? ''),
    versionId: version.VersionId || 'null',
    isLatest: version.IsLatest ?? false,
    lastModifiedMs: version.LastModified?.getTime() ?? 0,
  };
}
