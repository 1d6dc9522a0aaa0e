/** Query parameters that listings share, checked with S3's own messages (S3-WIRE 108-111). */
import { S3Error } from '../errors.ts';
import type { Query } from '../types.ts';

const entriesMax = 1000;
const integerMax = 2 ** 31 - 1;

/**
 * `max-keys`, `max-parts`, `max-uploads`: absent means 1,000, and more than that is 1,000. @throws S3Error
 * InvalidArgument
 */
export function limitOf(query: Query, name: string): number {
  const text = query.get(name);
  if (text === undefined || text === '') return entriesMax;
  if (!/^[+-]?\d+$/.test(text) || Number(text) > integerMax) {
    throw invalid(name, text, `Provided ${name} not an integer or within integer range`);
  }
  if (Number(text) < 0)
    throw invalid(name, text, `Argument ${name} must be an integer between 0 and ${integerMax}`);
  return Math.min(Number(text), entriesMax);
}

/** How names go out: percent-encoded where the client asked for it. @throws S3Error InvalidArgument */
export function namesOf(query: Query): { encodingType: string | undefined; name: (text: string) => string } {
  const encodingType = query.get('encoding-type') || undefined;
  if (encodingType === undefined) return { encodingType, name: (text) => text };
  if (encodingType.toLowerCase() !== 'url') {
    throw invalid('encoding-type', encodingType, 'Invalid Encoding Method specified in Request');
  }
  return { encodingType: 'url', name: urlEncoded };
}

export function invalid(name: string, value: string, message: string): S3Error {
  return new S3Error('InvalidArgument', { message, fields: { ArgumentName: name, ArgumentValue: value } });
}

/** Unreserved are `A-Za-z0-9-_.*` and `/`; a space becomes `+` (S3-WIRE 111). */
export function urlEncoded(text: string): string {
  return encodeURIComponent(text)
    .replace(/[!'()~]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%2F', '/')
    .replaceAll('%20', '+');
}
