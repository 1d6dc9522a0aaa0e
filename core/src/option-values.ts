/**
 * Options as text, of mounts and of rules: names that are checked, and the values that both may set. No error
 * repeats a value: someone may have put a secret into it.
 */
import { parseDurationMs, parseSizeBytes } from './bytes.ts';
import type { CacheOptions, Priority } from './cache-policy.ts';
import { ConfigError, didYouMean } from './config.ts';

/** Objects have at most 5 TiB at S3, so this is no limit. */
const unlimitedBytes = Number.MAX_SAFE_INTEGER;
const cacheTtlMsMax = 10 * 365 * 86_400_000;
/** As far as uses of a page are counted before it is stored. */
const minUsesMax = 15;

/** What both a mount and a rule may say. */
export const cacheOptionNames = ['quota', 'priority', 'minUses', 'cacheTtl', 'maxObjectSize'] as const;

/** `refuse` says why a name that is not allowed is none. @throws ConfigError */
export function readOptionPairs<Name extends string>(
  pairs: readonly (readonly [string, string])[],
  allowed: readonly Name[],
  refuse: (name: string) => ConfigError = (name) => unknownOption(name, allowed),
): ReadonlyMap<Name, string> {
  const options = new Map<Name, string>();
  for (const [name, value] of pairs) {
    const known = allowed.find((candidate) => candidate === name);
    if (known === undefined) throw refuse(name);
    if (options.has(known)) throw new ConfigError(`option "${known}" stands twice`);
    options.set(known, value);
  }
  return options;
}

export function unknownOption(name: string, allowed: readonly string[]): ConfigError {
  const near = didYouMean(name, allowed);
  return new ConfigError(`unknown option "${name}"${near}; allowed are ${allowed.join(', ')}`);
}

/** The options that are there, and no others. @throws ConfigError on a value that is not allowed. */
export function cacheOptionsOf(options: ReadonlyMap<string, string>): CacheOptions {
  const read = <Value>(name: (typeof cacheOptionNames)[number], parse: (text: string) => Value) => {
    const text = options.get(name);
    return text === undefined ? undefined : parse(text);
  };
  const quotaBytes = read('quota', quotaOf);
  const priority = read('priority', priorityOf);
  const minUses = read('minUses', minUsesOf);
  const cacheTtlMs = read('cacheTtl', cacheTtlOf);
  const maxObjectSizeBytes = read('maxObjectSize', maxObjectSizeOf);
  return {
    ...(quotaBytes !== undefined && { quotaBytes }),
    ...(priority !== undefined && { priority }),
    ...(minUses !== undefined && { minUses }),
    ...(cacheTtlMs !== undefined && { cacheTtlMs }),
    ...(maxObjectSizeBytes !== undefined && { maxObjectSizeBytes }),
  };
}

function quotaOf(text: string): number {
  const sizeBytes = text === 'unlimited' ? Number.POSITIVE_INFINITY : parseSizeBytes(text);
  if (sizeBytes === undefined) throw notAllowed('quota', 'a size such as 10GiB, or unlimited');
  return sizeBytes;
}

function priorityOf(text: string): Priority {
  if (text !== 'low' && text !== 'normal' && text !== 'high') {
    throw notAllowed('priority', 'low, normal or high');
  }
  return text;
}

function minUsesOf(text: string): number {
  const uses = /^\d{1,3}$/.test(text) ? Number(text) : 0;
  if (uses < 1 || uses > minUsesMax) throw notAllowed('minUses', `a whole number from 1 to ${minUsesMax}`);
  return uses;
}

function cacheTtlOf(text: string): number {
  if (text === 'off') return Number.POSITIVE_INFINITY;
  const ttlMs = parseDurationMs(text);
  if (ttlMs === undefined || ttlMs < 1000 || ttlMs > cacheTtlMsMax) {
    throw notAllowed('cacheTtl', 'off, or a duration such as 12h or 7d, from 1s to 3650d');
  }
  return ttlMs;
}

function maxObjectSizeOf(text: string): number {
  const sizeBytes = text === 'unlimited' ? unlimitedBytes : parseSizeBytes(text);
  if (sizeBytes === undefined) throw notAllowed('maxObjectSize', 'a size such as 64MiB, or unlimited');
  return sizeBytes;
}

/** @throws ConfigError */
export function flagOf(name: string, text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  if (text !== 'true' && text !== 'false') throw notAllowed(name, 'true or false');
  return text === 'true';
}

export function notAllowed(option: string, allowed: string): ConfigError {
  return new ConfigError(`option "${option}": the value is not allowed; allowed is ${allowed}`);
}
