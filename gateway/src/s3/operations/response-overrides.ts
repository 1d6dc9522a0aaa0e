/** Response headers that a signed request may replace (S3-WIRE 81). They never enter the cache. */
import { headerValueOf } from '../auth/hoisted-headers.ts';
import { S3Error } from '../errors.ts';
import type { S3Request } from '../types.ts';

export type Override = readonly [name: string, value: string];

const none: readonly Override[] = [];
const overridable = [
  'content-type',
  'content-language',
  'expires',
  'cache-control',
  'content-disposition',
  'content-encoding',
];

/** @throws S3Error InvalidRequest for anonymous callers, InvalidArgument where a value cannot be a header */
export function responseOverrides({ query, principal }: S3Request): readonly Override[] {
  if (query.entries.length === 0) return none;
  const overrides: Override[] = [];
  for (const name of overridable) {
    const value = query.get(`response-${name}`);
    if (value === undefined) continue;
    if (principal.kind === 'anonymous') {
      throw new S3Error('InvalidRequest', {
        message: 'Request specific response headers cannot be used for anonymous GET requests.',
      });
    }
    overrides.push([name, headerValueOf(`response-${name}`, value)]);
  }
  return overrides;
}
