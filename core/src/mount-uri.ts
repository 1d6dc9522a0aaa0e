/**
 * Mounts from text: `PATH=UFS_URI`, or path, URI and options from a config file or the admin API. Path and
 * query are percent-decoded once. What is not known, not allowed or not available yet stops with what to
 * write instead. No error repeats a URI: someone may have put a secret into it.
 */
import { posix } from 'node:path';
import { ConfigError, didYouMean } from './config.ts';
import { anyBucket, type CredentialsRef, isBucketName, type Mount, type UfsLocation } from './mount.ts';
import { mountSettingsOf, noSecrets, type Options, readOptions, unavailable } from './mount-options.ts';
import { flagOf, notAllowed } from './option-values.ts';
import { decodeOnce, prefixed, queryPairs } from './uri-text.ts';

export interface MountInput {
  /** `/bucket`, `/bucket/prefix` or `/{bucket}` */
  readonly path: string;
  /** `s3://bucket/prefix?endpoint=...` or `file:///dir` */
  readonly uri: string;
  /** The same options as in the query, as text; an option must not stand in both. */
  readonly options?: Readonly<Record<string, string>> | undefined;
  /** Where it was written (`forebay.yaml line 7`), for errors. */
  readonly where?: string | undefined;
}

export interface MountDefaults {
  readonly pageSizeBytes: number;
  readonly createdAtMs: number;
}

const pathBytesMax = 1024;

const reservedSchemes = ['azblob', 'gcs', 'webhdfs', 'swift'];
/** Splits `PATH=UFS_URI` at the first `=`; an `=` in the path is written `%3D`. @throws ConfigError */
export function splitMount(text: string, where = '--mount'): MountInput {
  const at = text.indexOf('=');
  if (at < 0) {
    throw new ConfigError(
      `${where}: a mount is PATH=UFS_URI, such as /lake=s3://bucket/prefix or /data=file:///srv/data`,
    );
  }
  return { path: text.slice(0, at), uri: text.slice(at + 1), where };
}

/** @throws ConfigError naming the mount and what is allowed. */
export function parseMount(input: MountInput | string, defaults: MountDefaults): Mount {
  const given = typeof input === 'string' ? splitMount(input) : input;
  const where = given.where === undefined ? '' : `${given.where}: `;
  try {
    const place = parsePath(given.path);
    try {
      return mountAt(place, given, defaults);
    } catch (error) {
      throw prefixed(error, `mount ${place.path}: `);
    }
  } catch (error) {
    throw prefixed(error, where);
  }
}

/** Several mounts; nested ones may overlap, one path may stand only once. @throws ConfigError */
export function parseMounts(inputs: readonly (MountInput | string)[], defaults: MountDefaults): Mount[] {
  const byPath = new Map<string, Mount>();
  for (const input of inputs) {
    const mount = parseMount(input, defaults);
    if (byPath.has(mount.path)) {
      const where = typeof input === 'string' ? '--mount' : (input.where ?? 'mounts');
      throw new ConfigError(`${where}: mount ${mount.path}: the path is mounted twice`);
    }
    byPath.set(mount.path, mount);
  }
  return [...byPath.values()];
}

interface MountPlace {
  readonly path: string;
  readonly bucket: string;
  readonly keyPrefix: string;
}

const wrongPattern =
  'a pattern mount is /{bucket}=s3://{bucket}?endpoint=...: {bucket} stands alone in the path, and is the ' +
  'whole bucket of the URI, where a prefix may follow it';

/** `/bucket`, `/bucket/prefix` or `/{bucket}`, one slash at the end allowed. @throws ConfigError */
export function parsePath(text: string): MountPlace {
  if (!text.startsWith('/')) {
    throw new ConfigError('a mount path starts with a slash: /bucket or /bucket/prefix');
  }
  if (/^\/\{bucket\}\/?$/.test(text)) return { path: `/${anyBucket}`, bucket: anyBucket, keyPrefix: '' };
  if (/[{}]/.test(text)) throw new ConfigError(`mount path ${text}: ${wrongPattern}`);
  const path = decodeOnce(text, 'mount path').replace(/(?<=.)\/$/, '');
  const [, bucket = '', ...rest] = path.split('/');
  checkBucketName(bucket);
  if (rest.includes('')) throw new ConfigError(`mount path ${text}: an empty part (//) is not allowed`);
  if (Buffer.byteLength(path) > pathBytesMax) {
    throw new ConfigError(`a mount path may have ${pathBytesMax} bytes`);
  }
  return { path, bucket, keyPrefix: rest.length === 0 ? '' : `${rest.join('/')}/` };
}

function checkBucketName(bucket: string): void {
  if (isBucketName(bucket)) return;
  throw new ConfigError(
    `mount path: "${bucket}" is no bucket name; allowed are 3 to 63 of a-z, 0-9, dot and hyphen, ` +
      'a letter or digit at both ends, and no IP address',
  );
}

function mountAt(place: MountPlace, given: MountInput, defaults: MountDefaults): Mount {
  const { scheme, body, query } = splitUri(given.uri);
  const extra = Object.entries(given.options ?? {});
  const options = readOptions([...queryPairs(query), ...extra], scheme);
  if (place.bucket === anyBucket && options.has('abortUploadsAfter')) {
    throw unavailable('option "abortUploadsAfter" of a pattern mount');
  }
  return {
    ...place,
    uri: withOptions(given.uri, extra),
    ufs: scheme === 's3' ? s3Location(body, options, place) : fileLocation(body, place),
    ...mountSettingsOf(options, { ...defaults, scheme }),
    createdAtMs: defaults.createdAtMs,
  };
}

function splitUri(uri: string): { scheme: 's3' | 'file'; body: string; query: string } {
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(uri)?.[1]?.toLowerCase();
  if (scheme !== undefined && reservedSchemes.includes(scheme)) throw unavailable(`${scheme}://`);
  if (scheme !== 's3' && scheme !== 'file') {
    const near = didYouMean(scheme ?? '', ['s3', 'file']);
    throw new ConfigError(`a UFS URI starts with s3:// or file:///${scheme === undefined ? '' : near}`);
  }
  const rest = uri.slice(scheme.length + 1);
  if (rest.includes('#')) throw new ConfigError('a "#" in a UFS URI is written %23');
  const at = rest.indexOf('?');
  const body = at < 0 ? rest : rest.slice(0, at);
  if (!body.startsWith('//'))
    throw new ConfigError(`write ${scheme}://${scheme === 's3' ? 'bucket' : '/directory'}`);
  return { scheme, body: body.slice(2), query: at < 0 ? '' : rest.slice(at + 1) };
}

/** The URI alone tells the whole mount, also when options came beside it. */
function withOptions(uri: string, extra: readonly (readonly [string, string])[]): string {
  if (extra.length === 0) return uri;
  const query = extra.map(([name, value]) => `${name}=${encodeValue(value)}`).join('&');
  return uri + (uri.includes('?') ? (uri.endsWith('?') ? '' : '&') : '?') + query;
}

function encodeValue(value: string): string {
  return encodeURIComponent(value).replaceAll('%3A', ':').replaceAll('%2F', '/');
}

function s3Location(body: string, options: Options, place: MountPlace): UfsLocation {
  if (body.includes('@')) throw new ConfigError(noSecrets);
  const slash = body.indexOf('/');
  const bucket = bucketOf(slash < 0 ? body : body.slice(0, slash), place);
  if (slash >= 0 && /[{}]/.test(body.slice(slash))) throw new ConfigError(wrongPattern);
  const prefix = slash < 0 ? '' : decodeOnce(body.slice(slash + 1), 'prefix');
  const endpoint = endpointOf(options.get('endpoint'));
  const region = options.get('region') ?? 'us-east-1';
  if (!/^[A-Za-z0-9-]{1,64}$/.test(region)) throw notAllowed('region', 'a name such as eu-central-1');
  return {
    scheme: 's3',
    bucket,
    prefix: prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`,
    endpoint,
    region,
    // Servers reached by address seldom know bucket host names; AWS wants them.
    pathStyle: flagOf('pathStyle', options.get('pathStyle')) ?? endpoint !== undefined,
    credentials: credentialsOf(options.get('credentials') ?? 'default'),
  };
}

function bucketOf(text: string, place: MountPlace): string {
  const isPattern = place.bucket === anyBucket;
  if (isPattern !== (text === anyBucket) || (!isPattern && /[{}]/.test(text))) {
    throw new ConfigError(wrongPattern);
  }
  if (isPattern) return text;
  const bucket = decodeOnce(text, 'bucket');
  // Laxer than the names we show: old buckets of AWS and other stores have capitals and underscores.
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(bucket)) return bucket;
  throw new ConfigError(
    'write the bucket after s3://, such as s3://bucket/prefix?endpoint=http://127.0.0.1:7070',
  );
}

function endpointOf(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const url = URL.parse(text);
  if (url && (url.username !== '' || url.password !== '')) throw new ConfigError(noSecrets);
  const bare = url && url.pathname === '/' && url.search === '' && url.hash === '';
  if (!bare || !['http:', 'https:'].includes(url.protocol)) {
    throw notAllowed('endpoint', 'http://host:port or https://host:port, without a path');
  }
  return url.origin;
}

function credentialsOf(text: string): CredentialsRef {
  if (text === 'default' || text === 'anonymous') return { kind: text };
  const match = /^(env|profile):([A-Za-z0-9_.-]{1,128})$/.exec(text);
  if (match?.[1] === 'profile') return { kind: 'profile', name: match[2]! };
  if (match && /^[A-Za-z_]\w*$/.test(match[2]!)) return { kind: 'env', name: match[2]! };
  throw notAllowed('credentials', 'env:NAME, profile:NAME, default or anonymous');
}

function fileLocation(body: string, place: MountPlace): UfsLocation {
  if (place.bucket === anyBucket) {
    throw new ConfigError(
      'a pattern mount needs an endpoint with buckets, s3://{bucket}?endpoint=...; ' +
        'directories are mounted one by one, such as /data=file:///srv/data',
    );
  }
  const directory = decodeOnce(body, 'directory');
  if (!directory.startsWith('/')) {
    throw new ConfigError('file URIs hold a whole path, so three slashes: file:///srv/data, not file://data');
  }
  if (/[{}]/.test(body)) throw new ConfigError('a "{" or "}" in a directory is written %7B or %7D');
  const normal = posix.normalize(directory);
  return { scheme: 'file', directory: normal.length > 1 ? normal.replace(/\/$/, '') : normal, prefix: '' };
}
