/** The table of contents: the sections of the wire items, then the operations. */
import type { Section } from '../check.ts';
import { addressing } from './addressing.ts';
import { bucketOperations } from './bucket-operations.ts';
import { buckets } from './buckets.ts';
import { caching, numbers, vectors } from './caching.ts';
import { conditions } from './conditions.ts';
import { errors } from './errors.ts';
import { http } from './http.ts';
import { integrity } from './integrity.ts';
import { listings } from './listings.ts';
import { multipart } from './multipart.ts';
import { objectOperations } from './operations.ts';
import { payload } from './payload.ts';
import { presigned } from './presigned.ts';
import { reads } from './reads.ts';
import { signature } from './signature.ts';
import { subResources } from './sub-resources.ts';
import { writes } from './writes.ts';

export const sections: readonly Section[] = [
  http,
  addressing,
  signature,
  presigned,
  payload,
  integrity,
  errors,
  reads,
  conditions,
  writes,
  multipart,
  listings,
  buckets,
  subResources,
  caching,
  numbers,
  vectors,
  objectOperations,
  bucketOperations,
];
