/**
 * What a local store knows of an object beside its bytes: its tags, which it keeps, and its attributes
 * (S3-WIRE 122, 123). Locks, ACLs, restores and the like it has no notion of.
 */
import { bareEtag } from '@forebay/core/conditions';
import { type HeaderList, headerValue } from '@forebay/core/object';
import type { UfsForward, UfsForwarded } from '../ufs.ts';
import {
  checkVersionId,
  invalidArgument,
  invalidTag,
  noSuchKey,
  notImplemented,
  tooManyTags,
} from './answers.ts';
import type { ObjectBackend, ObjectRecord, ObjectState } from './backend.ts';
import { type DocumentElements, documentOf, parseTagging, type Tag } from './documents.ts';
import { checksumElements } from './object-headers.ts';
import type { ObjectWriter } from './object-writer.ts';

const tagsMax = 10;
/** What S3 allows in keys and values of tags. */
const tagText = /^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$/u;
const keyLengthMax = 128;
const valueLengthMax = 256;
const partsMaxDefault = 1000;

export interface ObjectStore {
  readonly backend: ObjectBackend;
  readonly writer: ObjectWriter;
}

type KeyedForward = UfsForward & { readonly key: string };

/** @throws UfsAnswerError NotImplemented for any other sub-resource */
export async function answerObjectSubResource(
  store: ObjectStore,
  request: KeyedForward,
  name: string,
): Promise<UfsForwarded> {
  checkVersionId(new Map(request.query).get('versionId'));
  switch (`${request.method} ${name}`) {
    case 'GET tagging': {
      const { record } = await stateOf(store, request.key);
      return documentAnswer('Tagging', {
        TagSet: { Tag: tagsOf(record).map(({ key, value }) => ({ Key: key, Value: value })) },
      });
    }
    case 'PUT tagging':
      await retag(store, request.key, checkedTags(parseTagging(request.body ?? new Uint8Array(0))));
      return answerOf(200, new Uint8Array(0));
    case 'DELETE tagging':
      await retag(store, request.key, []);
      return answerOf(204, new Uint8Array(0));
    case 'GET attributes':
      return attributesAnswer(request, await stateOf(store, request.key));
    default:
      throw notImplemented(name);
  }
}

export function documentAnswer(
  root: string,
  elements: DocumentElements,
  headers: HeaderList = [],
): UfsForwarded {
  return answerOf(200, documentOf(root, elements), headers);
}

export function answerOf(status: number, document: Uint8Array, headers: HeaderList = []): UfsForwarded {
  const isEmpty = document.byteLength === 0;
  return {
    status,
    headers: [
      ...(isEmpty ? [] : [['content-type', 'application/xml'] as const]),
      ...(status === 204 ? [] : [['content-length', String(document.byteLength)] as const]),
      ...headers,
    ],
    body: (async function* () {
      if (!isEmpty) yield document;
    })(),
  };
}

async function stateOf({ writer }: ObjectStore, key: string): Promise<ObjectState> {
  const state = await writer.stateOf(key);
  if (!state) throw noSuchKey(key);
  return state;
}

async function retag({ backend, writer }: ObjectStore, key: string, tags: readonly Tag[]): Promise<void> {
  const tagging = new URLSearchParams(
    tags.map(({ key: name, value }): [string, string] => [name, value]),
  ).toString();
  const count = ['x-amz-tagging-count', String(tags.length)] as const;
  const rewritten = await writer.locked(key, () =>
    backend.rewrite(key, ({ tagging: _, ...record }) => {
      const kept = record.headers.filter(([name]) => name !== count[0]);
      return tags.length === 0
        ? { ...record, headers: kept }
        : { ...record, headers: [...kept, count], tagging };
    }),
  );
  if (!rewritten) throw noSuchKey(key);
}

function tagsOf({ tagging }: ObjectRecord): Tag[] {
  return [...new URLSearchParams(tagging ?? '')].map(([key, value]) => ({ key, value }));
}

/** @throws UfsAnswerError BadRequest, InvalidTag */
function checkedTags(tags: readonly Tag[]): readonly Tag[] {
  if (tags.length > tagsMax) throw tooManyTags();
  const seen = new Set<string>();
  for (const tag of tags) {
    if (tag.key === '' || tag.key.length > keyLengthMax || !tagText.test(tag.key)) {
      throw invalidTag('The TagKey you have provided is invalid', tag);
    }
    if (tag.value.length > valueLengthMax || !tagText.test(tag.value)) {
      throw invalidTag('The TagValue you have provided is invalid', tag);
    }
    if (tag.key.startsWith('aws:')) throw invalidTag('System tags cannot be added/updated by requester', tag);
    if (seen.has(tag.key)) throw invalidTag('Cannot provide multiple Tags with the same key', tag);
    seen.add(tag.key);
  }
  return tags;
}

function attributesAnswer(request: KeyedForward, state: ObjectState): UfsForwarded {
  const text = headerValue(request.headers, 'x-amz-object-attributes') ?? '';
  const asked = new Set(text.split(',').map((name) => name.trim()));
  const { record, sizeBytes, lastModifiedMs } = state;
  const checksums = checksumElements(record.headers);
  return documentAnswer(
    'GetObjectAttributesResponse',
    {
      ETag: asked.has('ETag') ? bareEtag(record.etag) : undefined,
      Checksum: asked.has('Checksum') && checksums.length > 0 ? Object.fromEntries(checksums) : undefined,
      ObjectParts: asked.has('ObjectParts') ? objectParts(request.headers, record) : undefined,
      StorageClass: asked.has('StorageClass') ? 'STANDARD' : undefined,
      ObjectSize: asked.has('ObjectSize') ? sizeBytes : undefined,
    },
    [['last-modified', new Date(lastModifiedMs).toUTCString()]],
  );
}

/** Of multipart objects alone; the parts one by one only where they have checksums, as S3 does. */
function objectParts(headers: HeaderList, { parts }: ObjectRecord): DocumentElements | undefined {
  if (!parts) return undefined;
  const marker = numberOf(headers, 'x-amz-part-number-marker', 0);
  const max = Math.min(numberOf(headers, 'x-amz-max-parts', partsMaxDefault), partsMaxDefault);
  if (parts.some(({ checksums }) => checksums.length === 0)) return { PartsCount: parts.length };
  const shown = parts.slice(marker, marker + max);
  return {
    PartsCount: parts.length,
    PartNumberMarker: marker,
    NextPartNumberMarker: marker + shown.length,
    MaxParts: max,
    IsTruncated: marker + shown.length < parts.length,
    Part: shown.map(({ sizeBytes, checksums }, index) => ({
      PartNumber: marker + index + 1,
      Size: sizeBytes,
      ...Object.fromEntries(checksumElements(checksums)),
    })),
  };
}

function numberOf(headers: HeaderList, name: string, otherwise: number): number {
  const text = headerValue(headers, name);
  if (text === undefined) return otherwise;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw invalidArgument('Provided value not an integer or within integer range', name, text);
}
