/**
 * Every operation that S3 has and this version does not serve, by name: each answers 501 NotImplemented,
 * which clients do not retry, and shows up under its own name in log and metrics (S3-WIRE 120, 121).
 */
import type { Operation } from './operation.ts';

const directoryBuckets = 'Of directory buckets alone.';

export const unsupportedOperations: readonly Operation[] = [
  { name: 'CreateSession', method: 'GET', target: 'bucket', query: ['session'], note: directoryBuckets },
  {
    name: 'UpdateObjectEncryption',
    method: 'PUT',
    target: 'object',
    query: ['encryption'],
    note: 'A UFS that does not know it would store the document in place of the object.',
  },
  { name: 'RenameObject', method: 'PUT', target: 'object', query: ['renameObject'], note: directoryBuckets },
];
