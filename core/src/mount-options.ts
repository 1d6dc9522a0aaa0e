/**
 * Options of a mount: names, what is reserved, what each value may be. They stand in the query of a UFS
 * URI, or beside it in a config file.
 */
import { parseDurationMs, parseSizeBytes } from './bytes.ts';
import { ConfigError, didYouMean } from './config.ts';
import type { Freshness, Mount } from './mount.ts';

export const pageSizeLimits = { minBytes: 64 * 1024, maxBytes: 16 * 1024 * 1024 };
const ttlMsDefault = 60_000;
const uploadAgeMsDefault = 7 * 86_400_000;
const ttlMsMax = 365 * 86_400_000;
/** Objects have at most 5 TiB at S3, so this is no limit. */
const unlimitedBytes = Number.MAX_SAFE_INTEGER;

const mountOptions = [
  'freshness',
  'ttl',
  'listTtl',
  'readOnly',
  'pageSize',
  'maxObjectSize',
  'anonymous',
  'abortUploadsAfter',
] as const;
const s3Options = ['endpoint', 'region', 'pathStyle', 'credentials'] as const;
export type OptionName = (typeof mountOptions)[number] | (typeof s3Options)[number];
export type Options = ReadonlyMap<OptionName, string>;

const reservedOptions = /^(cacheOnWrite|quota|write-?back|stale-?if-?error|tls.*|insecure)$/i;
const secretLike = /secret|passw|accesskey|access-key|token|signature/i;
export const noSecrets =
  'a UFS URI never holds a secret: write credentials=env:NAME and set NAME_ACCESS_KEY_ID ' +
  'and NAME_SECRET_ACCESS_KEY';

/** @throws ConfigError on a name that is unknown, reserved or stands twice. */
export function readOptions(pairs: readonly (readonly [string, string])[], scheme: 's3' | 'file'): Options {
  const allowed: readonly OptionName[] = scheme === 's3' ? [...s3Options, ...mountOptions] : mountOptions;
  const options = new Map<OptionName, string>();
  for (const [name, value] of pairs) {
    const known = allowed.find((candidate) => candidate === name);
    if (known === undefined) throw unknownOption(name, allowed);
    if (options.has(known)) throw new ConfigError(`option "${known}" stands twice`);
    options.set(known, value);
  }
  return options;
}

function unknownOption(name: string, allowed: readonly string[]): ConfigError {
  if (reservedOptions.test(name)) return unavailable(`option "${name}"`);
  if (secretLike.test(name)) return new ConfigError(noSecrets);
  const near = didYouMean(name, allowed);
  return new ConfigError(`unknown option "${name}"${near}; allowed are ${allowed.join(', ')}`);
}

/** Freshness, limits and access of a mount. @throws ConfigError on a value that is not allowed. */
export function policyOf(
  options: Options,
  defaults: { readonly pageSizeBytes: number; readonly scheme: 's3' | 'file' },
) {
  const freshness = (options.get('freshness') ?? 'ttl') as Freshness;
  if (!['ttl', 'always', 'immutable'].includes(freshness)) {
    throw notAllowed('freshness', 'ttl, always or immutable');
  }
  if (options.has('ttl') && freshness !== 'ttl') {
    throw new ConfigError(`option "ttl" has no meaning with freshness=${freshness}`);
  }
  const anonymous = (options.get('anonymous') ?? 'none') as Mount['anonymous'];
  if (!['none', 'read'].includes(anonymous)) throw notAllowed('anonymous', 'none or read');
  return {
    freshness,
    ttlMs: ttlOf(options.get('ttl')),
    listTtlMs: listTtlOf(options.get('listTtl')),
    readOnly: flagOf('readOnly', options.get('readOnly')) ?? false,
    pageSizeBytes: pageSizeOf(options.get('pageSize')) ?? defaults.pageSizeBytes,
    maxObjectSizeBytes: maxObjectSizeOf(options.get('maxObjectSize')),
    anonymous,
    abortUploadsAfterMs: abortUploadsAfterOf(options.get('abortUploadsAfter'), defaults.scheme),
  };
}

/** Undefined: off. */
function listTtlOf(text: string | undefined): number | undefined {
  if (text === undefined || text === 'off') return undefined;
  const ttlMs = parseDurationMs(text);
  if (ttlMs === undefined || ttlMs > ttlMsMax)
    throw notAllowed('listTtl', 'off, or a duration such as 500ms, 10s or 5m, up to 365d');
  return ttlMs === 0 ? undefined : ttlMs;
}

/**
 * Undefined: off. Parts of a directory's uploads lie on our own disk, so somebody has to clear them away; a
 * bucket's uploads may be other writers'.
 */
function abortUploadsAfterOf(text: string | undefined, scheme: 's3' | 'file'): number | undefined {
  if (text === 'off') return undefined;
  if (text === undefined) return scheme === 'file' ? uploadAgeMsDefault : undefined;
  const ageMs = parseDurationMs(text);
  if (ageMs === undefined || ageMs < 1000 || ageMs > ttlMsMax)
    throw notAllowed('abortUploadsAfter', 'off, or a duration such as 12h or 7d, from 1s to 365d');
  return ageMs;
}

function ttlOf(text: string | undefined): number {
  const ttlMs = text === undefined ? ttlMsDefault : parseDurationMs(text);
  if (ttlMs === undefined || ttlMs > ttlMsMax)
    throw notAllowed('ttl', 'a duration such as 500ms, 60s or 5m, up to 365d');
  return ttlMs;
}

function pageSizeOf(text: string | undefined): number | undefined {
  const sizeBytes = text === undefined ? undefined : (parseSizeBytes(text) ?? -1);
  if (
    sizeBytes !== undefined &&
    (sizeBytes < pageSizeLimits.minBytes || sizeBytes > pageSizeLimits.maxBytes)
  ) {
    throw notAllowed('pageSize', 'a size from 64KiB to 16MiB');
  }
  return sizeBytes;
}

function maxObjectSizeOf(text: string | undefined): number {
  const sizeBytes = text === undefined || text === 'unlimited' ? unlimitedBytes : parseSizeBytes(text);
  if (sizeBytes === undefined) throw notAllowed('maxObjectSize', 'a size such as 64MiB, or unlimited');
  return sizeBytes;
}

export function flagOf(name: OptionName, text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  if (text !== 'true' && text !== 'false') throw notAllowed(name, 'true or false');
  return text === 'true';
}

export function notAllowed(option: OptionName, allowed: string): ConfigError {
  return new ConfigError(`option "${option}": the value is not allowed; allowed is ${allowed}`);
}

export function unavailable(what: string): ConfigError {
  return new ConfigError(`${what} is not available in this version`);
}
