/**
 * Which keys a rule, a pin or a command is about. `s3://lake/hot` is the object `hot` and everything below
 * `hot/`, never `hotter`; `s3://lake/hot/` is what begins with `hot/`; `s3://lake/hot*` is every key that
 * begins with `hot`; `s3://lake` is the whole bucket.
 */
import { ConfigError } from './config.ts';
import { isBucketName } from './mount.ts';

export interface KeyPattern {
  /** As it is written: `s3://lake/hot/`. Equal texts, equal keys. */
  readonly text: string;
  readonly bucket: string;
  /** Just this key; undefined: none by itself. */
  readonly key: string | undefined;
  /** And all that begin with this. */
  readonly prefix: string;
}

/** Longer keys are none at S3. */
const keyBytesMax = 1024;

/**
 * The key is taken as it stands, but for a `*` at its end. @throws ConfigError
 */
export function parseKeyPattern(text: string): KeyPattern {
  const [, bucket = '', rest = ''] = /^s3:\/\/([^/]+)(?:\/(.*))?$/s.exec(text) ?? [];
  if (!isBucketName(bucket)) {
    throw new ConfigError('keys are written s3://bucket, s3://bucket/prefix/ or s3://bucket/key');
  }
  return keyPatternOf(bucket, rest);
}

/** @throws ConfigError */
export function keyPatternOf(bucket: string, rest: string): KeyPattern {
  if (Buffer.byteLength(rest) > keyBytesMax) throw new ConfigError(`a key has at most ${keyBytesMax} bytes`);
  const text = rest === '' ? `s3://${bucket}` : `s3://${bucket}/${rest}`;
  if (rest === '' || rest.endsWith('/')) return { text, bucket, key: undefined, prefix: rest };
  if (rest.endsWith('*')) return { text, bucket, key: undefined, prefix: rest.slice(0, -1) };
  return { text, bucket, key: rest, prefix: `${rest}/` };
}

export function matchesKey(pattern: KeyPattern, bucket: string, key: string): boolean {
  return bucket === pattern.bucket && (key === pattern.key || key.startsWith(pattern.prefix));
}
