/** The users of a config file: secret keys and policies come from where the file says. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { ConfigError, didYouMean } from '@forebay/core/config';
import type { FileUser } from '@forebay/core/config-file';
import { grantPolicy } from '@forebay/core/policy/grants';
import { type Policy, parsePolicy } from '@forebay/core/policy/policy';
import { User, usersMax } from '@forebay/core/user';

export interface UserSources {
  readonly env: NodeJS.ProcessEnv;
  /** Of the config file: paths in it start from its directory. */
  readonly filePath: string;
  readonly nowMs: number;
}

/** @throws ConfigError */
export function configUsers(entries: readonly FileUser[], sources: UserSources): User[] {
  if (entries.length > usersMax) throw new ConfigError(`users: at most ${usersMax} are allowed`);
  const users: User[] = [];
  for (const entry of entries) {
    const user = at(entry.where, () => userOf(entry.value, sources));
    const before = users.find(({ name, accessKey }) => name === user.name || accessKey === user.accessKey);
    if (before) {
      const what = before.name === user.name ? `the user ${user.name}` : `the access key ${user.accessKey}`;
      throw new ConfigError(`${entry.where}: ${what} stands twice`);
    }
    users.push(user);
  }
  return users;
}

const fields = ['name', 'accessKey', 'secretKey', 'policies', 'allow'];

function userOf(value: unknown, sources: UserSources): User {
  if (!isRecord(value)) throw new ConfigError('users: an entry is { name, accessKey, secretKey, policies }');
  const unknown = Object.keys(value).find((name) => !fields.includes(name));
  if (unknown !== undefined) {
    const near = didYouMean(unknown, fields);
    throw new ConfigError(`users: unknown key "${unknown}"${near}; allowed are ${fields.join(', ')}`);
  }
  const name = textOf(value, 'name');
  return new User({
    name,
    accessKey: textOf(value, 'accessKey'),
    secretKey: secretOf(textOf(value, 'secretKey'), name, sources),
    policies: [
      ...listOf(value.policies).map((policy, index) => policyOf(policy, `policies[${index}]`, sources)),
      ...listOf(value.allow).map((grant) => parsePolicy(grantPolicy(String(grant)), `allow ${grant}`)),
    ],
    createdAtMs: sources.nowMs,
  });
}

function textOf(value: Record<string, unknown>, name: string): string {
  const text = value[name];
  if (typeof text === 'string' || typeof text === 'number') return String(text);
  throw new ConfigError(`users: a user needs ${name}`);
}

/** `env:NAME` or `file:PATH`; never the secret itself, which readers of the file would see. */
function secretOf(reference: string, user: string, { env, filePath }: UserSources): string {
  const [, kind, name = ''] = /^(env|file):(.+)$/.exec(reference) ?? [];
  if (kind === 'env') {
    const secret = env[name];
    if (secret) return secret;
    throw new ConfigError(`user "${user}": secretKey: the variable ${name} is not set`);
  }
  if (kind === 'file') return readText(resolve(dirname(filePath), name)).replace(/\r?\n$/, '');
  throw new ConfigError(`user "${user}": secretKey: write env:NAME or file:PATH, not the secret itself`);
}

/** A path, or the policy itself. */
function policyOf(policy: unknown, place: string, { filePath }: UserSources): Policy {
  if (typeof policy !== 'string') return parsePolicy(JSON.stringify(policy), place);
  return parsePolicy(readText(resolve(dirname(filePath), policy)), policy);
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined || value === null) return [];
  return Array.isArray(value) ? value : [value];
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError(`cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function at<Value>(where: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`${where}: ${error.message}`, { cause: error });
  }
}
