/**
 * From the raw request target and host to bucket, key and query. Keys are opaque: the path is cut at its
 * slashes and decoded once, and never normalised (S3-WIRE 1-5, 17-19; AWS "Virtual hosting of buckets",
 * "Bucket naming rules").
 */
import { isIP } from 'node:net';
import { isBucketName } from '@forebay/core/mount';
import { uriEncodePath } from '@forebay/core/sigv4';
import { S3Error } from './errors.ts';
import type { Query } from './types.ts';

export interface ParsedTarget {
  /** The path as sent, undecoded. */
  readonly rawPath: string;
  /** For the signature: decoded once and encoded again, without the bucket in virtual-host style. */
  readonly canonicalPath: string;
  readonly bucket: string | undefined;
  readonly key: string | undefined;
  readonly query: Query;
  readonly virtualHost: boolean;
}

const keyBytesMax = 1024;
/** Of one UTF-16 unit. */
const utf8BytesMax = 3;

/**
 * @param domains base domains in lower case; a Host below one names the bucket
 * @throws S3Error InvalidURI, InvalidBucketName, KeyTooLongError
 */
export function parseTarget(target: string, host: string, domains: readonly string[]): ParsedTarget {
  if (domains.length === 0 && plainObject.test(target)) return plainTarget(target);
  const originForm = withoutAuthority(target);
  const queryAt = originForm.indexOf('?');
  const rawPath = queryAt < 0 ? originForm : originForm.slice(0, queryAt);
  const query = parseQuery(queryAt < 0 ? '' : originForm.slice(queryAt + 1));
  const path = decodePath(rawPath);
  const canonicalPath = uriEncodePath(path);
  const hostBucket = bucketOfHost(host, domains);
  const { bucket, key } =
    hostBucket === undefined ? splitPath(path) : { bucket: hostBucket, key: path.slice(1) };
  if (bucket !== undefined) checkBucketName(bucket);
  if (key) checkKey(key);
  return {
    rawPath,
    canonicalPath,
    bucket,
    key: key === '' ? undefined : key,
    query,
    virtualHost: hostBucket !== undefined,
  };
}

/** `/bucket/key` of nothing but characters that stand for themselves, encoded or not: the most there are. */
const plainObject = /^\/[A-Za-z0-9\-._~]+\/[A-Za-z0-9\-._~][A-Za-z0-9\-._~/]*$/;

function plainTarget(target: string): ParsedTarget {
  const slashAt = target.indexOf('/', 1);
  const bucket = target.slice(1, slashAt);
  const key = target.slice(slashAt + 1);
  checkBucketName(bucket);
  checkKey(key);
  return { rawPath: target, canonicalPath: target, bucket, key, query: noQuery, virtualHost: false };
}

/** Clients that think they talk to a proxy send `http://host/path`. */
function withoutAuthority(target: string): string {
  const absolute = /^https?:\/\/[^/?]*/i.exec(target);
  const rest = absolute ? target.slice(absolute[0].length) : target;
  return rest.startsWith('/') ? rest : `/${rest === '*' ? '' : rest}`;
}

function splitPath(path: string): { bucket: string | undefined; key: string } {
  const slashAt = path.indexOf('/', 1);
  if (path === '/') return { bucket: undefined, key: '' };
  return slashAt < 0
    ? { bucket: path.slice(1), key: '' }
    : { bucket: path.slice(1, slashAt), key: path.slice(slashAt + 1) };
}

function bucketOfHost(host: string, domains: readonly string[]): string | undefined {
  if (domains.length === 0) return undefined;
  const name = host.toLowerCase().replace(/:\d+$/, '');
  if (isIP(name) || name.startsWith('[')) return undefined;
  let bucket: string | undefined;
  for (const domain of domains) {
    const base = domain.toLowerCase();
    if (name === base) return undefined;
    if (!name.endsWith(`.${base}`)) continue;
    // The longest domain wins: one may lie below another.
    const front = name.slice(0, -base.length - 1);
    if (bucket === undefined || front.length < bucket.length) bucket = front;
  }
  return bucket;
}

function decodePath(rawPath: string): string {
  try {
    return decodeLatin1(rawPath);
  } catch (cause) {
    throw new S3Error('InvalidURI', { fields: { URI: rawPath }, cause });
  }
}

/** Node hands out target bytes above 0x7f as one character each; those bytes are UTF-8. */
function decodeLatin1(text: string): string {
  return decodeURIComponent(text.replace(/[\u0080-\u00ff]/g, escapeByte));
}

function escapeByte(character: string): string {
  return `%${character.charCodeAt(0).toString(16)}`;
}

function checkBucketName(bucket: string): void {
  if (isBucketName(bucket)) return;
  throw new S3Error('InvalidBucketName', { fields: { BucketName: bucket } });
}

/** @throws S3Error KeyTooLongError */
export function checkKey(key: string): void {
  if (key.length * utf8BytesMax <= keyBytesMax) return;
  const sizeBytes = Buffer.byteLength(key);
  if (sizeBytes <= keyBytesMax) return;
  const fields = { Size: String(sizeBytes), MaxSizeAllowed: String(keyBytesMax) };
  throw new S3Error('KeyTooLongError', { fields });
}

/** Split at `&`, then at the first `=`; `+` is a space here; `?uploads` is `?uploads=`. */
function parseQuery(text: string): Query {
  if (text === '') return noQuery;
  const entries: [string, string][] = [];
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const equalsAt = pair.indexOf('=');
    const name = decodeQueryText(equalsAt < 0 ? pair : pair.slice(0, equalsAt));
    entries.push([name, equalsAt < 0 ? '' : decodeQueryText(pair.slice(equalsAt + 1))]);
  }
  return queryOf(entries);
}

function decodeQueryText(text: string): string {
  try {
    return decodeLatin1(text.replaceAll('+', ' '));
  } catch (cause) {
    throw new S3Error('InvalidURI', { fields: { URI: text }, cause });
  }
}

const noQuery: Query = { entries: [], has: () => false, get: () => undefined };

export function queryOf(entries: readonly (readonly [string, string])[]): Query {
  const values = new Map<string, string>();
  for (const [name, value] of entries) if (!values.has(name)) values.set(name, value);
  return { entries, has: (name) => values.has(name), get: (name) => values.get(name) };
}
