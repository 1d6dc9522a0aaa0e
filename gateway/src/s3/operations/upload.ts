/** The body of PutObject and UploadPart on its way to the UFS: streamed, never held. */
import { GiB } from '@forebay/core/bytes';
import type { HeaderList } from '@forebay/core/object';
import type { UfsUpload } from '@forebay/ufs/ufs';
import { S3Error } from '../errors.ts';
import type { S3Request } from '../types.ts';

/** A single PUT, a part, the source of a single copy (S3-WIRE 133). */
export const uploadBytesMax = 5 * GiB;

/**
 * An empty body has no last piece to hold back, so a store could take it before its signature or trailer has
 * been looked at: it is verified here, before anything is sent.
 *
 * The request's abort signal stays out: a client that leaves in the middle of its body makes the body throw,
 * and one that leaves after it must not make the outcome of a write unknown.
 * @throws S3Error MissingContentLength, EntityTooLarge
 */
export async function uploadOf(
  { body }: S3Request,
  options: { readonly headers: HeaderList; readonly sizeBytesMax: number },
): Promise<UfsUpload> {
  const { sizeBytes } = body;
  if (sizeBytes === undefined) throw new S3Error('MissingContentLength');
  if (sizeBytes > options.sizeBytesMax) {
    throw new S3Error('EntityTooLarge', {
      fields: { ProposedSize: String(sizeBytes), MaxSizeAllowed: String(options.sizeBytesMax) },
    });
  }
  const stream = body.stream();
  if (sizeBytes === 0) await drain(stream);
  return {
    sizeBytes,
    body: sizeBytes === 0 ? nothing() : stream,
    release: (bytes) => body.release(bytes),
    headers: options.headers,
    sha256: body.sha256,
    trailer: body.trailer,
  };
}

async function drain(stream: AsyncIterable<Uint8Array>): Promise<void> {
  const iterator = stream[Symbol.asyncIterator]();
  while (!(await iterator.next()).done);
}

async function* nothing(): AsyncGenerator<Uint8Array, void> {}
