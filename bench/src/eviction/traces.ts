/**
 * Traces of requests: recorded ones from files that two packages ship, and made ones by the generators that
 * papers on caching use.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';

export interface Trace {
  readonly name: string;
  /** Key of each request, from 0 on. */
  readonly keys: Int32Array;
  readonly keyCount: number;
  /** Bytes of each key: those of its first request. */
  readonly sizes: Float64Array;
}

type Request = readonly [key: string | bigint | number, sizeBytes: number];

const text = (bytes: Buffer) => bytes.toString('latin1').split('\n');

function* words(bytes: Buffer, wordBytes: 4 | 8): Generator<Request> {
  for (let at = 0; at + wordBytes <= bytes.length; at += wordBytes) {
    yield [wordBytes === 4 ? bytes.readInt32LE(at) : bytes.readBigInt64LE(at), 1];
  }
}

function* lines(bytes: Buffer): Generator<Request> {
  for (const line of text(bytes)) if (/^\w/.test(line)) yield [line.trim(), 1];
}

/** libCacheSim's oracleGeneral records: time, object, size, next request. */
function* oracleGeneral(bytes: Buffer): Generator<Request> {
  for (let at = 0; at + 24 <= bytes.length; at += 24) {
    yield [bytes.readBigUInt64LE(at + 4), bytes.readUInt32LE(at + 12)];
  }
}

function* columns(bytes: Buffer, key: number, size: number, separator: string): Generator<Request> {
  for (const line of text(bytes)) {
    const fields = line.split(separator);
    const sizeBytes = Number(fields[size]);
    if (sizeBytes > 0) yield [fields[key]!, sizeBytes];
  }
}

/**
 * From `com.github.ben-manes.caffeine:simulator:2.8.8` (Maven): the LIRS paper's, cache2k's, Gradle's, Scarab
 * Research's and AdaptSize's. From `libcachesim` 0.3.5 (PyPI): CloudPhysics' and Twitter's.
 */
const recorded: readonly { file: string; name: string; read: (bytes: Buffer) => Iterable<Request> }[] = [
  { file: 'cloudPhysicsIO.oracleGeneral.bin', name: 'block I/O (CloudPhysics)', read: oracleGeneral },
  { file: 'twitter_cluster52.csv', name: 'Twitter, cluster 52', read: (b) => columns(b, 1, 2, ',') },
  { file: 'request.trace.xz', name: 'CDN (AdaptSize)', read: (b) => columns(b, 1, 2, ' ') },
  { file: 'web07.trace.xz', name: 'web 07 (cache2k)', read: (b) => words(b, 4) },
  { file: 'web12.trace.xz', name: 'web 12 (cache2k)', read: (b) => words(b, 4) },
  { file: 'orm-busy.trace.xz', name: 'database, busy (cache2k)', read: (b) => words(b, 4) },
  { file: 'orm-night.trace.xz', name: 'database, night (cache2k)', read: (b) => words(b, 4) },
  { file: 'build-cache.xz', name: 'build cache (Gradle)', read: lines },
  { file: 'scarab-recs.trace.xz', name: 'recommendations (Scarab)', read: (b) => words(b, 8) },
  { file: 'multi1.trace.gz', name: 'multi1 (LIRS)', read: lines },
  { file: 'multi2.trace.gz', name: 'multi2 (LIRS)', read: lines },
  { file: 'multi3.trace.gz', name: 'multi3 (LIRS)', read: lines },
  { file: 'sprite.trace.gz', name: 'file system (Sprite, LIRS)', read: lines },
  { file: '2_pools.trace.gz', name: '2 pools (LIRS)', read: lines },
  { file: 'gli.trace.gz', name: 'glimpse, loops (LIRS)', read: lines },
  { file: 'cs.trace.gz', name: 'cscope, loops (LIRS)', read: lines },
];

/** Those recorded traces whose files are in the directory. */
export function* recordedTraces(directory: string): Generator<Trace> {
  for (const { file, name, read } of recorded) {
    const path = join(directory, file);
    if (existsSync(path)) yield traceOf(name, read(contents(path)));
  }
}

function contents(path: string): Buffer {
  if (path.endsWith('.xz')) return execFileSync('xz', ['-dc', path], { maxBuffer: 2 ** 31 });
  const bytes = readFileSync(path);
  return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
}

export function traceOf(name: string, requests: Iterable<Request>): Trace {
  const numbers = new Map<string | bigint | number, number>();
  const keys: number[] = [];
  const sizes: number[] = [];
  for (const [key, sizeBytes] of requests) {
    let number = numbers.get(key);
    if (number === undefined) {
      number = numbers.size;
      numbers.set(key, number);
      sizes.push(sizeBytes);
    }
    keys.push(number);
  }
  return { name, keys: Int32Array.from(keys), keyCount: numbers.size, sizes: Float64Array.from(sizes) };
}
