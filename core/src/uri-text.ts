/** The text of UFS URIs and rules: queries, percent-decoding, and errors that say where. */
import { ConfigError } from './config.ts';

export function queryPairs(query: string): [name: string, value: string][] {
  if (query === '') return [];
  return query.split('&').map((pair) => {
    const at = pair.indexOf('=');
    if (at < 0) throw new ConfigError('an option in a query is name=value');
    return [decodeOnce(pair.slice(0, at), 'option name'), decodeOnce(pair.slice(at + 1), 'option value')];
  });
}

/** @throws ConfigError where the text is no UTF-8, or holds what no name may. */
export function decodeOnce(text: string, what: string): string {
  let decoded: string | undefined;
  try {
    decoded = decodeURIComponent(text);
  } catch {
    throw new ConfigError(`the ${what} has a "%" that begins no UTF-8 character; a plain "%" is written %25`);
  }
  if (/\p{Cc}/u.test(decoded) || !decoded.isWellFormed()) {
    throw new ConfigError(`the ${what} holds a control character or half a character`);
  }
  return decoded;
}

/** The same error, with where it was found in front. */
export function prefixed(error: unknown, prefix: string): unknown {
  return error instanceof ConfigError ? new ConfigError(prefix + error.message, { cause: error }) : error;
}
