/**
 * Options of a mount: names, what is reserved, what each value may be. They stand in the query of a UFS
 * URI, or beside it in a config file.
 */
import { parseDurationMs, parseSizeBytes } from './bytes.ts';
import { ConfigError } from './config.ts';
import type { Freshness, Mount } from './mount.ts';
import {
  cacheOptionNames,
  cacheOptionsOf,
  flagOf,
  notAllowed,
  readOptionPairs,
  unknownOption,
} from './option-values.ts';

export const pageSizeLimits = { minBytes: 64 * 1024, maxBytes: 16 * 1024 * 1024 };
const ttlMsDefault = 60_000;
const amplificationMaxDefault = 1.2;
const uploadAgeMsDefault = 7 * 86_400_000;
const ttlMsMax = 365 * 86_400_000;
const unlimited = Number.POSITIVE_INFINITY;

const mountOptions = [
  'freshness',
  'ttl',
  'listTtl',
  'readOnly',
  'pageSize',
  'anonymous',
  'amplificationMax',
  'abortUploadsAfter',
  'staleIfError',
  ...cacheOptionNames,
] as const;
const s3Options = ['endpoint', 'region', 'pathStyle', 'credentials', 'hedge'] as const;
export type OptionName = (typeof mountOptions)[number] | (typeof s3Options)[number];
export type Options = ReadonlyMap<OptionName, string>;

const reservedOptions = /^(cacheOnWrite|write-?back|tls.*|insecure)$/i;
const secretLike = /secret|passw|accesskey|access-key|token|signature/i;
export const noSecrets =
  'a UFS URI never holds a secret: write credentials=env:NAME and set NAME_ACCESS_KEY_ID ' +
  'and NAME_SECRET_ACCESS_KEY';

/** @throws ConfigError on a name that is unknown, reserved or stands twice. */
export function readOptions(pairs: readonly (readonly [string, string])[], scheme: 's3' | 'file'): Options {
  const allowed: readonly OptionName[] = scheme === 's3' ? [...s3Options, ...mountOptions] : mountOptions;
  return readOptionPairs(pairs, allowed, (name) => refusedOption(name, allowed));
}

function refusedOption(name: string, allowed: readonly string[]): ConfigError {
  if (reservedOptions.test(name)) return unavailable(`option "${name}"`);
  if (secretLike.test(name)) return new ConfigError(noSecrets);
  return unknownOption(name, allowed);
}

/** Freshness, access, how pages are kept. @throws ConfigError on a value that is not allowed. */
export function mountSettingsOf(
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
    amplificationMax: amplificationMaxOf(options.get('amplificationMax')),
    anonymous,
    staleIfErrorMs: staleIfErrorOf(options.get('staleIfError'), freshness),
    hedge: hedgeOf(options.get('hedge')),
    abortUploadsAfterMs: abortUploadsAfterOf(options.get('abortUploadsAfter'), defaults.scheme),
    ...pageSettingsOf(options),
  };
}

function pageSettingsOf(options: Options) {
  const {
    quotaBytes = unlimited,
    cacheTtlMs = unlimited,
    priority = 'normal',
    minUses = 1,
    maxObjectSizeBytes = Number.MAX_SAFE_INTEGER,
  } = cacheOptionsOf(options);
  return {
    quotaBytes: quotaBytes === unlimited ? undefined : quotaBytes,
    cacheTtlMs: cacheTtlMs === unlimited ? undefined : cacheTtlMs,
    ...{ priority, minUses, maxObjectSizeBytes },
  };
}

function amplificationMaxOf(text: string | undefined): number {
  if (text === undefined) return amplificationMaxDefault;
  if (text === 'unlimited') return Number.POSITIVE_INFINITY;
  const ratio = /^\d{1,4}(\.\d{1,3})?$/.test(text) ? Number(text) : 0;
  if (ratio < 1) throw notAllowed('amplificationMax', 'a number from 1 to 9999, or unlimited');
  return ratio;
}

/** Undefined: off. */
function staleIfErrorOf(text: string | undefined, freshness: Freshness): number | undefined {
  if (text === undefined || text === 'off') return undefined;
  if (freshness !== 'ttl')
    throw new ConfigError(`option "staleIfError" has no meaning with freshness=${freshness}`);
  const staleMs = parseDurationMs(text);
  if (staleMs === undefined || staleMs > ttlMsMax)
    throw notAllowed('staleIfError', 'off, or a duration such as 10m, 1h or 7d, up to 365d');
  return staleMs === 0 ? undefined : staleMs;
}

/** Undefined: as the settings say. */
function hedgeOf(text = 'auto'): false | undefined {
  if (text !== 'auto' && text !== 'off') throw notAllowed('hedge', 'auto or off');
  return text === 'off' ? false : undefined;
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

export function unavailable(what: string): ConfigError {
  return new ConfigError(`${what} is not available in this version`);
}
