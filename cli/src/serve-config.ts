/** Everything `serve` is told: flags, environment, config file, defaults, as values and mounts. */
import { readFileSync, realpathSync } from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';
import type { CacheRule } from '@forebay/core/cache-policy';
import { mergeRules, type RuleInput } from '@forebay/core/cache-rules';
import { ConfigError, didYouMean, resolveSettings, type Settings } from '@forebay/core/config';
import { type ConfigFile, parseConfigFile } from '@forebay/core/config-file';
import type { Mount } from '@forebay/core/mount';
import { type MountDefaults, type MountInput, parseMounts, splitMount } from '@forebay/core/mount-uri';
import type { User } from '@forebay/core/user';
import { configUsers } from './config-users.ts';
import { type DataDir, dataDirAt, type RootCredentials } from './data-dir.ts';
import { type ServeValues, serveSettings } from './settings.ts';

export interface ServeSources {
  /** By YAML key, as commander hands them over; `config`, `mount` and `rule` among them. */
  readonly flags: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly env: NodeJS.ProcessEnv;
  readonly nowMs: number;
}

/** What a registry begins with. */
export interface GivenRecords {
  readonly mounts: readonly Mount[];
  readonly rules: readonly CacheRule[];
  /** Of the config file. */
  readonly users: readonly User[];
}

export interface ServeConfig extends GivenRecords {
  readonly values: ServeValues;
  readonly dataDir: DataDir;
  /** Things worth a word that do not stop the start. */
  readonly warnings: readonly string[];
}

/** @throws ConfigError on the first thing that cannot be used. */
export function loadServeConfig(sources: ServeSources): ServeConfig {
  const { flags, env, nowMs } = sources;
  const file = readConfigFile(configPathOf(sources), serveSettings);
  const values = resolveSettings(serveSettings, { flags, env, file: file.values });
  givenRootOf(values);
  const dataDir = dataDirAt(values.dataDir);
  const place = { pageSizeBytes: values.pageSizeBytes, dataDir };
  const records = givenRecords(file, sources, place);
  const local = () => parseMounts([localMount(dataDir)], { ...place, createdAtMs: nowMs });
  const mounts = records.mounts.length > 0 ? records.mounts : local();
  for (const mount of mounts) refuseDataDir(mount, dataDir);
  return { ...records, mounts, values, dataDir, warnings: unknownVariables(env) };
}

export function configPathOf({ flags, env }: ServeSources): string | undefined {
  return single(flags.config) ?? (env.FOREBAY_CONFIG || undefined);
}

/** Mounts, rules and users of flags, environment and config file. @throws ConfigError */
export function givenRecords(
  file: ConfigFile,
  sources: ServeSources,
  { pageSizeBytes, dataDir }: { pageSizeBytes: number; dataDir: DataDir },
): GivenRecords {
  const { flags, env, nowMs } = sources;
  const given = [
    file.mounts,
    words(env.FOREBAY_MOUNT).map((text) => splitMount(text, 'FOREBAY_MOUNT')),
    many(flags.mount).map((text) => splitMount(text)),
  ];
  const mounts = mergeMounts(given, { pageSizeBytes, createdAtMs: nowMs });
  for (const mount of mounts) refuseDataDir(mount, dataDir);
  const users = configUsers(file.users, { env, filePath: configPathOf(sources) ?? '', nowMs });
  const rules = mergeRules([
    file.rules,
    words(env.FOREBAY_RULE).map((prefix): RuleInput => ({ prefix, where: 'FOREBAY_RULE' })),
    many(flags.rule).map((prefix): RuleInput => ({ prefix, where: '--rule' })),
  ]);
  return { mounts, rules, users };
}

/** The pair of the environment; undefined: none was given. @throws ConfigError where one is missing */
export function givenRootOf(values: {
  readonly accessKey: string | undefined;
  readonly secretKey: string | undefined;
}): RootCredentials | undefined {
  const { accessKey, secretKey } = values;
  if (accessKey !== undefined && secretKey !== undefined) return { accessKey, secretKey };
  if (accessKey === undefined && secretKey === undefined) return undefined;
  throw new ConfigError('FOREBAY_ACCESS_KEY and FOREBAY_SECRET_KEY go together: set both or neither');
}

export function single(flag: string | readonly string[] | undefined): string | undefined {
  return typeof flag === 'string' ? flag : flag?.at(-1);
}

function many(flag: string | readonly string[] | undefined): readonly string[] {
  return typeof flag === 'string' ? [flag] : (flag ?? []);
}

function words(variable: string | undefined): string[] {
  return (variable ?? '').split(/\s+/).filter(Boolean);
}

/** @throws ConfigError */
export function readConfigFile(path: string | undefined, settings: Settings): ConfigFile {
  if (path === undefined) return { values: new Map(), mounts: [], rules: [], users: [] };
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`--config: cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
  return parseConfigFile({ name: basename(path), text, settings });
}

/** Later sources win over earlier ones, path by path; within one source a path stands once. */
function mergeMounts(sources: readonly (readonly MountInput[])[], defaults: MountDefaults): Mount[] {
  const byPath = new Map<string, Mount>();
  for (const inputs of sources) {
    for (const mount of parseMounts(inputs, defaults)) byPath.set(mount.path, mount);
  }
  return [...byPath.values()];
}

function localMount(dataDir: DataDir): MountInput {
  const path = dataDir.localPath.split('/').map(encodeURIComponent).join('/');
  return { path: '/local', uri: `file://${path}`, where: '--data-dir' };
}

/** The data directory holds the root key pair: a mount that reaches it would hand that to every reader. */
export function refuseDataDir(mount: Mount, dataDir: DataDir): void {
  if (mount.ufs.scheme !== 'file') return;
  const directory = realPath(mount.ufs.directory);
  if (holds(directory, realPath(dataDir.path))) {
    throw new ConfigError(
      `mount ${mount.path}: its directory holds the data directory ${dataDir.path}, and with it ` +
        'the root key pair; choose another with --data-dir',
    );
  }
  if (holds(realPath(dataDir.cachePath), directory)) {
    throw new ConfigError(`mount ${mount.path}: its directory is part of the cache`);
  }
}

/** With every link followed, as far as the path is there. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return dirname(path) === path ? path : join(realPath(dirname(path)), basename(path));
  }
}

function holds(outer: string, inner: string): boolean {
  const path = relative(outer, inner);
  return path === '' || (path !== '..' && !path.startsWith(`..${sep}`));
}

const otherVariables = [
  'FOREBAY_ADMIN',
  'FOREBAY_CONFIG',
  'FOREBAY_MOUNT',
  'FOREBAY_RULE',
  ...Object.values(serveSettings).map((setting) => setting.env),
];

/** Only near misses: orchestrators set variables such as FOREBAY_SERVICE_HOST by themselves. */
function unknownVariables(env: NodeJS.ProcessEnv): string[] {
  return Object.keys(env)
    .filter((name) => name.startsWith('FOREBAY_') && !otherVariables.includes(name))
    .map((name) => ({ name, near: didYouMean(name, otherVariables) }))
    .filter(({ near }) => near !== '')
    .map(({ name, near }) => `the variable ${name} is not known${near}`);
}
