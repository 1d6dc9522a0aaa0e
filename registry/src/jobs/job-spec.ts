/** What a job is asked to do: as the admin API takes it, checked, and as it is kept. */
import { ConfigError } from '@forebay/core/config';
import { parseKeyPattern } from '@forebay/core/key-pattern';
import { parseCron } from './cron.ts';

export const jobKinds = ['load', 'free', 'pin', 'copy', 'move', 'verify'] as const;
export type JobKind = (typeof jobKinds)[number];
export const priorities = ['low', 'normal', 'high'] as const;
export type JobPriority = (typeof priorities)[number];

export interface JobSpec {
  readonly kind: JobKind;
  /** `s3://lake/hot/`; absent where a manifest names the keys. */
  readonly keys?: string;
  /** Id of a manifest that was sent before. */
  readonly manifest?: string;
  /** Of copy and move: what takes the place of `keys`. */
  readonly target?: string;
  readonly priority: JobPriority;
  /** Of the UFS; absent: no limit. */
  readonly bytesPerSecondMax?: number;
  readonly ufsRequestsPerSecondMax?: number;
  /** Objects at a time. */
  readonly concurrencyMax: number;
  /** Tries of one object after its first. */
  readonly retriesMax: number;
  /** Of load and pin: on how many nodes pages are kept, the owner's included. */
  readonly replicas: number;
  readonly metadataOnly: boolean;
  readonly dryRun: boolean;
  /** Of free: pinned pages too. */
  readonly pinned: boolean;
  /** Five fields of cron, in UTC: the job is run then, and not now. */
  readonly schedule?: string;
}

const flags = ['metadataOnly', 'dryRun', 'pinned'] as const;
const numbers = {
  bytesPerSecondMax: { min: 1, max: Number.MAX_SAFE_INTEGER },
  ufsRequestsPerSecondMax: { min: 1, max: 1_000_000 },
  concurrencyMax: { min: 1, max: 256 },
  retriesMax: { min: 0, max: 100 },
  // So many are looked at by reads.
  replicas: { min: 1, max: 3 },
} as const;
const texts = ['keys', 'manifest', 'target', 'schedule'] as const;
const known = ['kind', 'priority', ...flags, ...Object.keys(numbers), ...texts];

/** @throws ConfigError where a field is unknown, or is not what it may be */
export function parseJobSpec(body: Readonly<Record<string, unknown>>): JobSpec {
  const unknown = Object.keys(body).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new ConfigError(`"${unknown}" is not known; a job has ${known.join(', ')}`);
  const kind = oneOf('kind', jobKinds, body.kind);
  const given = Object.fromEntries([
    ...texts.flatMap((name) => textIn(body, name)),
    ...flags.map((name) => [name, flagIn(body, name)]),
    ...Object.entries(numbers).flatMap(([name, bounds]) => numberIn(body, name, bounds)),
  ]) as Partial<JobSpec> & Pick<JobSpec, (typeof flags)[number]>;
  const spec: JobSpec = {
    concurrencyMax: 64,
    retriesMax: 5,
    replicas: 1,
    ...given,
    kind,
    priority: body.priority === undefined ? 'normal' : oneOf('priority', priorities, body.priority),
  };
  return checked(spec);
}

function checked(spec: JobSpec): JobSpec {
  const { kind, keys, manifest, target, schedule, replicas, metadataOnly } = spec;
  if ((keys === undefined) === (manifest === undefined)) {
    throw new ConfigError('a job names its "keys" or a "manifest", and not both');
  }
  const isCopy = kind === 'copy' || kind === 'move';
  if (isCopy !== (target !== undefined))
    throw new ConfigError('copy and move, and only they, have a "target"');
  if (kind === 'free' && manifest !== undefined) throw new ConfigError('free takes "keys"');
  if (kind === 'pin' && manifest !== undefined) throw new ConfigError('pin takes "keys"');
  const isLoad = kind === 'load' || kind === 'pin';
  if (replicas > 1 && (!isLoad || metadataOnly)) {
    throw new ConfigError('"replicas" are of pages: load and pin have them, without "metadataOnly"');
  }
  if (isCopy) targetOf(spec);
  if (schedule !== undefined) parseCron(schedule);
  return keys === undefined ? spec : { ...spec, keys: parseKeyPattern(keys).text };
}

/**
 * Where a key goes: below a source that is a prefix, its rest is put behind the target; a source that is one
 * object becomes the target itself. @throws ConfigError
 */
export function targetOf({ keys, target = '' }: JobSpec): (key: string) => TargetKey {
  const to = parseKeyPattern(target);
  const toKey = target.slice(`s3://${to.bucket}/`.length);
  const from = keys === undefined ? undefined : parseKeyPattern(keys);
  if (from?.key !== undefined && toKey === '') {
    throw new ConfigError('the target of one object is a key: s3://bucket/key');
  }
  if (from && from.bucket === to.bucket && (toKey === from.prefix || toKey.startsWith(from.prefix))) {
    throw new ConfigError('the target lies within what is copied');
  }
  return (key) => {
    if (!from) return { bucket: to.bucket, key: toKey + key };
    if (key === from.key) return { bucket: to.bucket, key: toKey };
    const base = from.key === undefined ? toKey : `${toKey.replace(/\/$/, '')}/`;
    return { bucket: to.bucket, key: base + key.slice(from.prefix.length) };
  };
}

export interface TargetKey {
  readonly bucket: string;
  readonly key: string;
}

function oneOf<T extends string>(name: string, choices: readonly T[], value: unknown): T {
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw new ConfigError(`"${name}" is one of ${choices.join(', ')}`);
  return found;
}

function textIn(body: Readonly<Record<string, unknown>>, name: string): [string, string][] {
  const value = body[name];
  if (value === undefined) return [];
  if (typeof value !== 'string' || value === '') throw new ConfigError(`"${name}" is a text`);
  return [[name, value]];
}

function flagIn(body: Readonly<Record<string, unknown>>, name: string): boolean {
  const value = body[name] ?? false;
  if (typeof value !== 'boolean') throw new ConfigError(`"${name}" is true or false`);
  return value;
}

function numberIn(
  body: Readonly<Record<string, unknown>>,
  name: string,
  { min, max }: { readonly min: number; readonly max: number },
): [string, number][] {
  const value = body[name];
  if (value === undefined) return [];
  if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max) {
    throw new ConfigError(`"${name}" is a whole number from ${min} to ${max}`);
  }
  return [[name, value as number]];
}
