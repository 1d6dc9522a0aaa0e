/**
 * How a copy has to be sent for the target to get the ETag of its source: whole, or in parts of the size that
 * the source's were. Then the ETag proves the copy against the source, and whoever copies again sees at once
 * that it is there.
 */
import { MiB } from '@forebay/core/bytes';
import { isUfsAnswer } from '@forebay/core/errors';
import { headerValue, type ObjectInfo } from '@forebay/core/object';
import type { Ufs } from '@forebay/ufs/ufs';

/** Of all parts but the last (S3's own limit). */
const partBytesMin = 5 * MiB;

export interface SourceParts {
  /** Undefined: it was sent whole, or the store does not tell. */
  readonly partBytes: number | undefined;
  readonly ufsRequests: number;
}

/** Asks the store where the ETag says that the object came in parts. @throws ForebayError */
export async function sourceParts(
  ufs: Ufs,
  { key, info, signal }: { readonly key: string; readonly info: ObjectInfo; readonly signal: AbortSignal },
): Promise<SourceParts> {
  const { sizeBytes, etag = '' } = info;
  const count = Number(/-(\d+)"$/.exec(etag)?.[1] ?? 0);
  if (count === 0 || sizeBytes === 0) return { partBytes: undefined, ufsRequests: 0 };
  const firstBytes = await firstPartBytes(ufs, { key, etag, count, signal });
  const isRegular =
    Math.ceil(sizeBytes / firstBytes) === count && (count === 1 || firstBytes >= partBytesMin);
  return { partBytes: isRegular ? firstBytes : undefined, ufsRequests: 1 };
}

async function firstPartBytes(
  ufs: Ufs,
  { key, etag, count, signal }: { key: string; etag: string; count: number; signal: AbortSignal },
): Promise<number> {
  try {
    const { headers, body } = await ufs.forward({
      ...{ method: 'HEAD', effect: 'read', key, signal },
      query: [['partNumber', '1']],
      headers: [['if-match', etag]],
    });
    await body[Symbol.asyncIterator]().return?.();
    const isOfParts = Number(headerValue(headers, 'x-amz-mp-parts-count')) === count;
    return isOfParts ? Number(headerValue(headers, 'content-length')) : Number.NaN;
  } catch (error) {
    // A store that cannot tell; whatever else is wrong with it the copy finds out.
    if (isUfsAnswer(error)) return Number.NaN;
    throw error;
  }
}
