/** `REST.METHOD.RESOURCE`: what S3's access logs call the operations of operation-table.ts. */
import type { Exchange } from '../exchange.ts';

const own: Readonly<Record<string, string>> = {
  ListBuckets: 'GET.SERVICE',
  ListObjects: 'GET.BUCKET',
  ListObjectsV2: 'GET.BUCKET',
  ListObjectVersions: 'GET.BUCKETVERSIONS',
  GetBucketPolicy: 'GET.BUCKETPOLICY',
  PutBucketPolicy: 'PUT.BUCKETPOLICY',
  DeleteBucketPolicy: 'DELETE.BUCKETPOLICY',
  GetBucketLogging: 'GET.LOGGING_STATUS',
  PutBucketLogging: 'PUT.LOGGING_STATUS',
  GetObjectTagging: 'GET.OBJECT_TAGGING',
  PutObjectTagging: 'PUT.OBJECT_TAGGING',
  DeleteObjectTagging: 'DELETE.OBJECT_TAGGING',
  DeleteObjects: 'POST.MULTI_OBJECT_DELETE',
  CopyObject: 'COPY.OBJECT',
  CreateMultipartUpload: 'POST.UPLOADS',
  ListMultipartUploads: 'GET.UPLOADS',
  UploadPart: 'PUT.PART',
  UploadPartCopy: 'COPY.PART',
  CompleteMultipartUpload: 'POST.UPLOAD',
  AbortMultipartUpload: 'DELETE.UPLOAD',
  ListParts: 'GET.UPLOAD',
};
const plain = /^(Get|Head|Put|Post|Create|Delete)(Object|Bucket)$/;
const known = new Map<string, string>();

export function s3OperationOf({ operation, head, bucket, key }: Exchange): string {
  const { method } = head;
  if (method === 'OPTIONS') return 'REST.OPTIONS.PREFLIGHT';
  if (operation === 'Unknown' || plain.test(operation)) {
    const resource = key !== undefined ? 'OBJECT' : bucket !== undefined ? 'BUCKET' : 'SERVICE';
    return `REST.${method}.${resource}`;
  }
  let name = known.get(operation);
  if (name === undefined) {
    name = `REST.${own[operation] ?? `${method}.${subResourceOf(operation)}`}`;
    known.set(operation, name);
  }
  return name;
}

/** `GetBucketLocation` is `LOCATION`, `PutObjectLegalHold` is `LEGAL_HOLD`. */
function subResourceOf(operation: string): string {
  const words = operation.match(/[A-Z][a-z0-9]*/g) ?? [operation];
  const rest = words
    .slice(1)
    .filter((word) => word !== 'Bucket' && word !== 'Object' && word !== 'Configuration');
  return (rest.length > 0 ? rest : words.slice(1)).join('_').toUpperCase();
}
