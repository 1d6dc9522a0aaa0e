/** Which query parameters name a sub-resource. */
import { forwardedOperations } from './forwarded-operations.ts';
import { unsupportedOperations } from './unsupported-operations.ts';

/**
 * A request with one of them is never the plain operation (S3-WIRE 120), also where it makes sense only on
 * the other kind of resource.
 */
export const subResources: ReadonlySet<string> = new Set([
  ...[...forwardedOperations, ...unsupportedOperations].flatMap(({ query }) => query?.slice(0, 1) ?? []),
  'delete',
  'location',
  'partNumber',
  'uploadId',
  'uploads',
  'versions',
]);
