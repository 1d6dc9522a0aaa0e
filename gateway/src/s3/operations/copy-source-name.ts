/** What `x-amz-copy-source` names (S3-WIRE 92). */
import { isBucketName } from '@forebay/core/mount';
import { S3Error } from '../errors.ts';
import type { S3Request } from '../types.ts';
import { checkedVersionId } from './named-ids.ts';

const headerName = 'x-amz-copy-source';
const keyBytesMax = 1024;

export interface CopySourceName {
  readonly bucket: string;
  readonly key: string;
  readonly versionId: string | undefined;
}

/** Undefined where the request is no copy. @throws S3Error InvalidArgument */
export function copySourceName({ headers }: Pick<S3Request, 'headers'>): CopySourceName | undefined {
  const text = headers.get(headerName);
  if (text === undefined) return undefined;
  const versionAt = text.indexOf('?versionId=');
  // A plus is a space here, unlike in a request's path: some clients encode the source as a form field.
  const encoded = (versionAt < 0 ? text : text.slice(0, versionAt)).replaceAll('+', ' ');
  const path = decoded(encoded, text).replace(/^\//, '');
  const version = versionAt < 0 ? undefined : decoded(text.slice(versionAt + '?versionId='.length), text);
  const versionId = checkedVersionId(headerName, version);
  const slash = path.indexOf('/');
  const bucket = slash < 0 ? path : path.slice(0, slash);
  const key = slash < 0 ? '' : path.slice(slash + 1);
  // Access points and the like are no buckets here.
  if (!isBucketName(bucket)) throw invalid(text, 'Invalid copy source bucket name');
  if (key === '' || Buffer.byteLength(key) > keyBytesMax)
    throw invalid(text, 'Invalid copy source object key');
  return { bucket, key, versionId };
}

/** Once, and as UTF-8: what is percent-encoded twice is a key with percent signs. */
function decoded(text: string, whole: string): string {
  try {
    return decodeURIComponent(
      text.replace(/[\x80-\xff]/g, (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase()}`),
    );
  } catch {
    throw invalid(whole, 'Invalid copy source encoding');
  }
}

function invalid(value: string, message: string): S3Error {
  return new S3Error('InvalidArgument', {
    message,
    fields: { ArgumentName: headerName, ArgumentValue: value },
  });
}
