/** What is loaded, and how hard: from the environment, small by default. */
import type { Credentials } from './sigv4.ts';

export interface Target {
  /** `http://127.0.0.1:9000` */
  readonly endpoint: string;
  readonly host: string;
  readonly bucket: string;
  readonly credentials: Credentials;
}

export interface Load {
  readonly virtualUsers: number;
  readonly seconds: number;
  readonly objects: number;
  readonly objectBytes: number;
}

const limits = { virtualUsers: 200, seconds: 3600, objects: 10_000, objectBytes: 64 * 1024 * 1024 };

/** @throws Error naming the variable that is missing or not allowed. */
export function targetFromEnv(): Target {
  const endpoint = (__ENV.FOREBAY_ENDPOINT ?? 'http://127.0.0.1:9000').replace(/\/$/, '');
  const host = /^http:\/\/([^/]+)$/.exec(endpoint)?.[1];
  if (host === undefined) throw new Error('FOREBAY_ENDPOINT must be http://host:port');
  const loopback = /^(127\.\d+\.\d+\.\d+|localhost|\[::1\])(:\d+)?$/.test(host);
  if (!loopback && __ENV.LOADTEST_REMOTE !== 'yes') {
    throw new Error(`${host} is not this machine; set LOADTEST_REMOTE=yes if it is yours to load`);
  }
  return {
    endpoint,
    host,
    bucket: needed('FOREBAY_BUCKET'),
    credentials: { accessKey: needed('FOREBAY_ACCESS_KEY'), secretKey: needed('FOREBAY_SECRET_KEY') },
  };
}

export function loadFromEnv(defaults: Load): Load {
  return {
    virtualUsers: count('LOADTEST_USERS', defaults.virtualUsers, limits.virtualUsers),
    seconds: count('LOADTEST_SECONDS', defaults.seconds, limits.seconds),
    objects: count('LOADTEST_OBJECTS', defaults.objects, limits.objects),
    objectBytes: count('LOADTEST_OBJECT_BYTES', defaults.objectBytes, limits.objectBytes),
  };
}

function needed(name: string): string {
  const value = __ENV[name];
  if (!value) throw new Error(`${name} is not set`);
  return value;
}

function count(name: string, otherwise: number, max: number): number {
  const value = Number(__ENV[name] || otherwise);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new Error(`${name} must be a whole number from 1 to ${max}`);
}
