/**
 * PostObject: an upload form, as browsers send it (S3-WIRE 46). A store wants to know the size of what it is
 * sent, and a form tells it only at its end. So a small file waits in memory until it is whole, and a larger
 * one goes out in the parts of a multipart upload, of which one at a time is held. Memory for all forms
 * together is bounded.
 */
import { MiB } from '@forebay/core/bytes';
import { ForebayError, isKind } from '@forebay/core/errors';
import type { ObjectRef } from '@forebay/core/mount';
import { type HeaderList, headerValue } from '@forebay/core/object';
import type { Ufs, UfsPartRef, UfsUpload } from '@forebay/ufs/ufs';
import type { WriteHandler, WriteResult } from '../../write-object.ts';
import { S3Error } from '../errors.ts';
import type { OperationDeps } from '../operation.ts';
import type { PostForm, S3Answer, S3Request } from '../types.ts';
import { createCheckedUpload } from './checked-upload.ts';
import { locationOf } from './location.ts';
import { quotedEtag } from './object-answer.ts';
import { writableObject } from './resolve.ts';
import { checksumHeaders, policyHeaders, storedHeaders } from './write-headers.ts';
import { xmlAnswer } from './xml-answer.ts';

/** The smallest part that S3 takes in front of others (S3-WIRE 133). */
const partBytesMax = 5 * MiB;

export const postObject = (deps: OperationDeps): WriteHandler => {
  const memory = new FormMemory(deps.settings.formMemoryBytesMax);
  return async (request) => {
    const { form } = request;
    if (!form) {
      throw new S3Error('PreconditionFailed', {
        fields: { Condition: 'Bucket POST must be of the enclosure-type multipart/form-data' },
      });
    }
    const object = writableObject(deps, request);
    const ufs = await deps.ufsOf(object.mount);
    const partBytes = Math.min(partBytesMax, form.sizeBytesMax);
    const release = memory.take(partBytes);
    try {
      const result = await store({ deps, request, object, ufs }, partsOf(form.file(), partBytes));
      return result.answer((headers) => answerOf(request, form, headers));
    } finally {
      release();
    }
  };
};

/** Bytes that forms may hold at a time, all of them together. */
class FormMemory {
  #freeBytes: number;

  constructor(sizeBytes: number) {
    this.#freeBytes = sizeBytes;
  }

  /** @returns what gives them back. @throws ForebayError overloaded */
  take(sizeBytes: number): () => void {
    if (sizeBytes > this.#freeBytes) {
      throw new ForebayError('overloaded', 'upload forms hold all the memory they may have');
    }
    this.#freeBytes -= sizeBytes;
    return () => {
      this.#freeBytes += sizeBytes;
    };
  }
}

interface Part {
  readonly bytes: Buffer;
  readonly isLast: boolean;
}

/** Parts of one size but for the last, which may be empty where it is the only one. */
async function* partsOf(file: AsyncIterable<Uint8Array>, partBytes: number): AsyncGenerator<Part, void> {
  let part = Buffer.allocUnsafe(partBytes);
  let filledBytes = 0;
  for await (const piece of file) {
    for (let position = 0; position < piece.length; ) {
      if (filledBytes === partBytes) {
        yield { bytes: part, isLast: false };
        part = Buffer.allocUnsafe(partBytes);
        filledBytes = 0;
      }
      const slice = piece.subarray(position, position + partBytes - filledBytes);
      part.set(slice, filledBytes);
      filledBytes += slice.length;
      position += slice.length;
    }
  }
  yield { bytes: part.subarray(0, filledBytes), isLast: true };
}

interface Target {
  readonly deps: OperationDeps;
  readonly request: S3Request;
  readonly object: ObjectRef;
  readonly ufs: Ufs;
}

/** @returns headers for the client */
async function store(target: Target, parts: AsyncGenerator<Part, void>): Promise<WriteResult<HeaderList>> {
  const first = (await parts.next()).value as Part;
  if (!first.isLast) return storeInParts(target, first, parts);
  const { deps, request, object, ufs } = target;
  const headers = [
    ...storedHeaders(request.headers),
    ...policyHeaders(request.headers),
    ...checksumHeaders(request.headers),
  ];
  return deps.writer.write([object], async () => {
    const written = await ufs.put(object.ufsKey, uploadOf(first, headers));
    return written.headers;
  });
}

/** What fails leaves no upload behind. */
async function storeInParts(
  { deps, request, object, ufs }: Target,
  first: Part,
  rest: AsyncIterable<Part>,
): Promise<WriteResult<HeaderList>> {
  const key = object.ufsKey;
  const checked = await createCheckedUpload(ufs, key, {
    headers: [...storedHeaders(request.headers), ...policyHeaders(request.headers)],
    given: request.headers,
  });
  const { uploadId } = checked;
  const keyHeaders = request.headers.withPrefix('x-amz-server-side-encryption-customer-');
  const refs: UfsPartRef[] = [];
  const send = async (part: Part) => {
    const partNumber = refs.length + 1;
    const checksum = checked.partHeaders(part.bytes);
    const upload = uploadOf(part, [...keyHeaders, ...checksum]);
    const written = await ufs.uploadPart(key, { ...upload, uploadId, partNumber });
    const etag = headerValue(written.headers, 'etag') ?? '';
    refs.push({ partNumber, etag, checksums: checked.partChecksums(checksum) });
  };
  // What cannot be aborted is cleaned up by age; the client has to hear of the first failure.
  const abort = () => ufs.abortUpload(key, uploadId).catch(() => undefined);
  try {
    await send(first);
    for await (const part of rest) await send(part);
  } catch (error) {
    await abort();
    throw error;
  }
  try {
    return await deps.writer.write([object], async () => {
      const headers = [...keyHeaders, ...checked.completeHeaders];
      const completed = await ufs.completeUpload(key, { uploadId, parts: refs, headers });
      const { etag } = completed;
      return etag === undefined ? completed.headers : [...withoutEtag(completed.headers), ['etag', etag]];
    });
  } catch (error) {
    // An upload that may have become an object is left alone.
    if (!isKind(error, 'state-unknown')) await abort();
    throw error;
  }
}

function withoutEtag(headers: HeaderList): HeaderList {
  return headers.filter(([name]) => name !== 'etag');
}

function uploadOf({ bytes }: Part, headers: HeaderList): UfsUpload {
  async function* body() {
    if (bytes.length > 0) yield bytes;
  }
  return { sizeBytes: bytes.length, body: body(), headers };
}

/** Where the form says: a redirect, a document, or nothing (AWS "HTML form fields", success_action_*). */
function answerOf(request: S3Request, form: PostForm, stored: HeaderList): S3Answer {
  const { bucket = '', key = '' } = request;
  const etag = quotedEtag(headerValue(stored, 'etag') ?? '');
  const location = locationOf(request);
  const headers = [...withoutEtag(stored), ['etag', etag] as const];
  const redirect = redirectOf(form, { bucket, key, etag });
  if (redirect !== undefined) return { status: 303, headers: [...headers, ['location', redirect]] };
  const asked = form.field('success_action_status');
  const status = asked === '200' || asked === '201' ? Number(asked) : 204;
  const located = [...headers, ['location', location] as const];
  if (status !== 201) return { status, headers: located };
  const document = { Location: location, Bucket: bucket, Key: key, ETag: etag };
  return { ...xmlAnswer('PostResponse', document, located), status };
}

/** A URL that is none counts as not there, as S3 has it. */
function redirectOf(
  form: PostForm,
  stored: { readonly bucket: string; readonly key: string; readonly etag: string },
): string | undefined {
  const text = form.field('success_action_redirect') ?? form.field('redirect');
  if (text === undefined || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.protocol !== 'http:' && url.protocol !== 'https:') return undefined;
  for (const [name, value] of Object.entries(stored)) url.searchParams.append(name, value);
  return url.href;
}
