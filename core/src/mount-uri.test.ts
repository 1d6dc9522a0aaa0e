import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ConfigError } from './config.ts';
import { parseMount, parseMounts } from './mount-uri.ts';

const defaults = { pageSizeBytes: 1024 * 1024, createdAtMs: 1_700_000_000_000 };
const parse = (text: string) => parseMount(text, defaults);

describe('parseMount', () => {
  it('reads an S3 mount with everything in the query', () => {
    const uri =
      's3://lake/raw/2024?endpoint=http://127.0.0.1:7070&region=eu-west-1&pathStyle=false' +
      '&credentials=env:LAKE&ttl=5m&readOnly=true&pageSize=4MiB&maxObjectSize=1GiB&amplificationMax=2.5&anonymous=read';
    expect(parse(`/lake/raw=${uri}`)).toEqual({
      path: '/lake/raw',
      bucket: 'lake',
      keyPrefix: 'raw/',
      uri,
      ufs: {
        scheme: 's3',
        bucket: 'lake',
        prefix: 'raw/2024/',
        endpoint: 'http://127.0.0.1:7070',
        region: 'eu-west-1',
        pathStyle: false,
        credentials: { kind: 'env', name: 'LAKE' },
      },
      freshness: 'ttl',
      ttlMs: 300_000,
      readOnly: true,
      pageSizeBytes: 4 * 1024 * 1024,
      maxObjectSizeBytes: 1024 ** 3,
      amplificationMax: 2.5,
      priority: 'normal',
      minUses: 1,
      anonymous: 'read',
      createdAtMs: 1_700_000_000_000,
    });
  });

  it('reads a pattern mount: one path and one URI for every bucket of an endpoint', () => {
    const uri = 's3://{bucket}/data?endpoint=http://127.0.0.1:7070&readOnly=true&ttl=5s';
    const mount = parse(`/{bucket}=${uri}`);
    expect(mount).toMatchObject({
      path: '/{bucket}',
      bucket: '{bucket}',
      keyPrefix: '',
      uri,
      ufs: { bucket: '{bucket}', prefix: 'data/', endpoint: 'http://127.0.0.1:7070', pathStyle: true },
      readOnly: true,
      ttlMs: 5000,
    });
    expect(parse(`/{bucket}/=${uri}`)).toEqual(mount);
  });

  it('fills in the defaults', () => {
    expect(parse('/lake=s3://lake')).toMatchObject({
      keyPrefix: '',
      ufs: {
        prefix: '',
        endpoint: undefined,
        region: 'us-east-1',
        pathStyle: false,
        credentials: { kind: 'default' },
      },
      freshness: 'ttl',
      ttlMs: 60_000,
      readOnly: false,
      pageSizeBytes: 1024 * 1024,
      maxObjectSizeBytes: Number.MAX_SAFE_INTEGER,
      amplificationMax: 1.2,
      priority: 'normal',
      minUses: 1,
      anonymous: 'none',
    });
  });

  it('keeps no lists unless asked, and aborts abandoned uploads of directories alone', () => {
    const weekMs = 7 * 86_400_000;
    expect(parse('/lake=s3://lake')).toMatchObject({ listTtlMs: undefined, abortUploadsAfterMs: undefined });
    expect(parse('/data=file:///d')).toMatchObject({ listTtlMs: undefined, abortUploadsAfterMs: weekMs });
    expect(parse('/lake=s3://lake?listTtl=10s&abortUploadsAfter=12h')).toMatchObject({
      listTtlMs: 10_000,
      abortUploadsAfterMs: 12 * 3_600_000,
    });
    for (const none of ['off', '0'])
      expect(parse(`/data=file:///d?listTtl=${none}`).listTtlMs).toBeUndefined();
    expect(parse('/lake=s3://lake?staleIfError=1h&hedge=off')).toMatchObject({
      staleIfErrorMs: 3_600_000,
      hedge: false,
    });
    for (const none of ['staleIfError=off', 'staleIfError=0s', 'hedge=auto']) {
      expect(parse(`/lake=s3://lake?${none}`)).toMatchObject({ staleIfErrorMs: undefined, hedge: undefined });
    }
    expect(parse('/data=file:///d?abortUploadsAfter=off').abortUploadsAfterMs).toBeUndefined();
  });

  it('addresses buckets in the path where an endpoint is given', () => {
    expect(parse('/lake=s3://lake?endpoint=http://localhost:9').ufs).toMatchObject({ pathStyle: true });
  });

  it('splits at the first = and decodes path, prefix and query once', () => {
    const mount = parse('/lake/year%3D2024/a%2520b=s3://lake/p%3Fq%23r?credentials=profile:my%2Dteam');
    expect(mount.keyPrefix).toBe('year=2024/a%20b/');
    expect(mount.ufs).toMatchObject({ prefix: 'p?q#r/', credentials: { kind: 'profile', name: 'my-team' } });
  });

  it('reads a directory, normalised so that one directory has one identity', () => {
    expect(parse('/data=file:///srv//a/../data%20x/').ufs).toEqual({
      scheme: 'file',
      directory: '/srv/data x',
      prefix: '',
    });
  });

  it('takes options beside the URI and keeps them in it', () => {
    const mount = parseMount(
      { path: '/lake/', uri: 's3://lake', options: { ttl: '5s', region: 'r-1' } },
      defaults,
    );
    expect(mount).toMatchObject({ path: '/lake', ttlMs: 5000, uri: 's3://lake?ttl=5s&region=r-1' });
    expect(parseMount({ path: mount.path, uri: mount.uri }, defaults)).toEqual(mount);
  });

  it.each([
    ['/lake', 'a mount is PATH=UFS_URI'],
    ['lake=s3://lake', 'a mount path starts with a slash'],
    ['/=s3://lake', '"" is no bucket name'],
    ['/La_ke=s3://lake', '"La_ke" is no bucket name; allowed are 3 to 63'],
    ['/10.0.0.1=s3://lake', 'no IP address'],
    ['/lake//x=s3://lake', 'an empty part'],
    ['/{bucket}=s3://lake', 'mount /{bucket}: a pattern mount is /{bucket}=s3://{bucket}?endpoint=...'],
    ['/lake=s3://{bucket}', 'mount /lake: a pattern mount is /{bucket}=s3://{bucket}?endpoint=...'],
    ['/{bucket}=s3://x-{bucket}', '{bucket} stands alone in the path'],
    ['/{bucket}=s3://{bucket}/{bucket}', 'is the whole bucket of the URI'],
    ['/{bucket}/raw=s3://{bucket}', 'mount path /{bucket}/raw: a pattern mount is'],
    ['/x-{bucket}=s3://{bucket}', '{bucket} stands alone in the path'],
    ['/{name}=s3://{name}', 'a pattern mount is /{bucket}'],
    ['/lake=s3://lake/{bucket}', 'a pattern mount is /{bucket}'],
    ['/{bucket}=file:///srv/{bucket}', 'directories are mounted one by one'],
    ['/data=file:///srv/{bucket}', 'in a directory is written %7B or %7D'],
    ['/lake=s3://', 'mount /lake: write the bucket after s3://'],
    ['/lake=s3:lake', 'write s3://bucket'],
    ['/lake=/srv/data', 'a UFS URI starts with s3:// or file:///'],
    ['/lake=http://x', 'a UFS URI starts with s3:// or file:///'],
    ['/lake=gcs://x', 'gcs:// is not available in this version'],
    ['/lake=azblob://x', 'azblob:// is not available in this version'],
    ['/lake=webhdfs://x', 'webhdfs:// is not available in this version'],
    ['/lake=swift://x', 'swift:// is not available in this version'],
    ['/lake=file://data', 'file:///srv/data, not file://data'],
    ['/lake=file:data', 'write file:///directory'],
    ['/lake=s3://lake#x', 'is written %23'],
    ['/lake=s3://lake/%zz', 'is written %25'],
    ['/lake=s3://lake/%00', 'control character'],
    [
      '/lake=s3://lake?regoin=x',
      'unknown option "regoin"; did you mean "region"?; allowed are endpoint, region',
    ],
    ['/data=file:///d?region=x', 'allowed are freshness, ttl, listTtl, readOnly, pageSize, anonymous'],
    ['/lake=s3://lake?region', 'name=value'],
    ['/lake=s3://lake?region=a&region=b', 'option "region" stands twice'],
    ['/lake=s3://lake?cacheOnWrite=true', 'option "cacheOnWrite" is not available in this version'],
    ['/lake=s3://lake?quota=much', 'allowed is a size such as 10GiB, or unlimited'],
    ['/lake=s3://lake?pin=true', 'unknown option "pin"'],
    ['/lake=s3://lake?write-back=2', 'option "write-back" is not available in this version'],
    ['/lake=s3://lake?tlsCa=x', 'option "tlsCa" is not available in this version'],
    ['/lake=s3://lake?freshness=never', 'allowed is ttl, always or immutable'],
    ['/lake=s3://lake?freshness=always&ttl=5s', 'has no meaning with freshness=always'],
    ['/lake=s3://lake?ttl=60', 'allowed is a duration'],
    ['/lake=s3://lake?listTtl=10', 'allowed is off, or a duration'],
    ['/lake=s3://lake?staleIfError=10', 'allowed is off, or a duration'],
    ['/lake=s3://lake?staleIfError=1h&freshness=always', 'no meaning with freshness=always'],
    ['/lake=s3://lake?hedge=on', 'allowed is auto or off'],
    ['/data=file:///d?hedge=off', 'unknown option'],
    ['/lake=s3://lake?abortUploadsAfter=0', 'from 1s to 365d'],
    ['/lake=s3://lake?pageSize=1KiB', 'allowed is a size from 64KiB to 16MiB'],
    ['/lake=s3://lake?readOnly=yes', 'allowed is true or false'],
    ['/lake=s3://lake?anonymous=write', 'allowed is none or read'],
    ['/lake=s3://lake?endpoint=127.0.0.1:7070', 'http://host:port'],
    ['/lake=s3://lake?endpoint=http://h/path', 'without a path'],
  ])('refuses %s', (mount, message) => {
    expect(() => parse(mount)).toThrow(ConfigError);
    expect(() => parse(mount)).toThrow(message);
  });

  it.each([
    '/lake=s3://AKIA:hunter2@lake',
    '/lake=s3://lake?secretKey=hunter2',
    '/lake=s3://lake?endpoint=http://u:hunter2@h',
    '/lake=s3://lake?credentials=hunter2',
    's3://AKIA:hunter2@lake?x=y',
  ])('refuses a secret and does not repeat it: %s', (mount) => {
    expect(() => parse(mount)).toThrow(ConfigError);
    expect(() => parse(mount)).not.toThrow('hunter2');
  });

  it('refuses one path twice, allows nested ones', () => {
    expect(() => parseMounts(['/lake=s3://aaa', '/lake/=s3://bbb'], defaults)).toThrow(
      'mount /lake: the path is mounted twice',
    );
    expect(parseMounts(['/lake=s3://aaa', '/lake/x=s3://bbb'], defaults)).toHaveLength(2);
  });

  it('finds again, in the URI it shows, the mount it made', () => {
    const segment = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((part) => !/[/{}\p{Cc}]/u.test(part));
    const optional = <T>(values: fc.Arbitrary<T>) => fc.option(values, { nil: undefined });
    const options = fc.record({
      ttl: optional(fc.nat(100_000).map((ms) => `${ms}ms`)),
      readOnly: optional(fc.constantFrom('true', 'false')),
      pageSize: optional(fc.integer({ min: 64 * 1024, max: 16 * 1024 * 1024 }).map(String)),
      endpoint: optional(fc.constantFrom('http://127.0.0.1:7070', 'https://s3.test')),
      credentials: optional(fc.constantFrom('anonymous', 'env:LAKE', 'profile:a.b-c')),
    });
    fc.assert(
      fc.property(fc.array(segment, { maxLength: 3 }), options, (parts, given) => {
        const tail = parts.map((part) => `/${encodeURIComponent(part)}`).join('');
        const set = Object.entries(given).filter(
          (entry): entry is [string, string] => entry[1] !== undefined,
        );
        const input = { path: `/lake${tail}`, uri: `s3://lake${tail}`, options: Object.fromEntries(set) };
        const mount = parseMount(input, defaults);
        const prefix = parts.length === 0 ? '' : `${parts.join('/')}/`;
        expect(mount).toMatchObject({ keyPrefix: prefix, ufs: { prefix } });
        expect(parseMount({ path: input.path, uri: mount.uri }, defaults)).toEqual(mount);
      }),
    );
  });

  it('answers any text with a mount or a ConfigError, never with another failure', () => {
    const uri = fc
      .constantFrom('s3://', 'file:///', 's3:', '', 'http://')
      .chain((start) => fc.string().map((rest) => start + rest));
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          uri.map((text) => `/lake=${text}`),
        ),
        (text) => {
          try {
            expect(parse(text).path).toMatch(/^\/./);
          } catch (error) {
            expect(error).toBeInstanceOf(ConfigError);
          }
        },
      ),
    );
  });
});
