/** `forebay users`, `users add`, `users rm`. */
import { readFileSync } from 'node:fs';
import { grantPolicy } from '@forebay/core/policy/grants';
import { parsePolicy } from '@forebay/core/policy/policy';
import type { NewUserView, UserView } from '@forebay/registry/admin/users';
import type { Command } from 'commander';
import { CommandError } from '../command-error.ts';
import { table } from '../terminal.ts';
import { adminCommand } from './admin-command.ts';

export function usersCommand(): Command {
  return adminCommand({
    usage: 'users',
    summary: 'list the users; add and rm change them',
    examples: [
      'forebay users',
      'forebay users --json                             with their policies',
      'forebay users add reader --allow read:/lake/raw',
      'forebay users rm reader',
    ],
    run: async ({ client, print }) => {
      const users = await client.ask<UserView[]>('GET', '/api/v1/users');
      print(users, () => (users.length === 0 ? ['no users but root'] : userTable(users)));
    },
  })
    .addCommand(addCommand())
    .addCommand(removeCommand());
}

interface AddOptions {
  readonly policy?: readonly string[];
  readonly allow?: readonly string[];
  readonly accessKey?: string;
}

const collect = (value: string, before: readonly string[] | undefined) => [...(before ?? []), value];

function addCommand(): Command {
  return adminCommand({
    usage: 'add <name>',
    summary: 'make a user and its keys; the secret key is shown this once',
    examples: [
      'forebay users add reader --allow read:/lake/raw',
      'forebay users add etl --allow read:/lake --allow write:/lake/curated',
      'forebay users add analyst --policy analyst.json',
      'jq .Policy export.json | forebay users add analyst --policy -',
    ],
    run: async ({ client, arguments: [name = ''], options, print }) => {
      const { policy = [], allow = [], accessKey } = options as AddOptions;
      const policies = [...policy.map(policyFile), ...allow.map(grantPolicy)];
      const body = { name, policies, ...(accessKey !== undefined && { accessKey }) };
      const made = await client.ask<NewUserView>('POST', '/api/v1/users', body);
      print(made, () => newUserLines(made));
    },
  })
    .option('--policy <file>', "policy as JSON in S3's own language, - for stdin; may be repeated", collect)
    .option(
      '--allow <grant>',
      'read or write, for all or below a path: read:/bucket/prefix; may be repeated',
      collect,
    )
    .option('--access-key <key>', 'instead of one that is made');
}

/** Judged here already, so that the error names the file. */
function policyFile(path: string): string {
  const text = readText(path);
  return parsePolicy(text, path === '-' ? 'stdin' : path).text;
}

function readText(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    throw new CommandError(`--policy: cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
}

function removeCommand(): Command {
  return adminCommand({
    usage: 'rm <name>',
    summary: 'remove a user; its keys are refused from the next request on',
    examples: ['forebay users rm reader'],
    run: async ({ client, arguments: [name = ''], print }) => {
      const query = new URLSearchParams({ name });
      const gone = await client.ask<{ name: string; backAtRestart: boolean }>(
        'DELETE',
        `/api/v1/users?${query}`,
      );
      const note = gone.backAtRestart ? '; the config file brings it back at the next start' : '';
      print(gone, () => [`removed ${gone.name}${note}`]);
    },
  });
}

function newUserLines({ name, accessKey, secretKey, policies }: NewUserView): string[] {
  return [
    ...table([
      ['User', name],
      ['Access key', accessKey],
      ['Secret key', secretKey],
      ['Policies', policies.length === 0 ? 'none: it may do nothing' : String(policies.length)],
    ]),
    'Keep the secret key now: it is not shown again.',
  ];
}

function userTable(users: readonly UserView[]): string[] {
  const rows = users.map(({ name, accessKey, policies, createdAt, origin }) => [
    name,
    accessKey,
    policiesText(policies),
    createdAt.slice(0, 10),
    origin === 'start' ? 'config file' : 'forebay users',
  ]);
  return table([['NAME', 'ACCESS KEY', 'POLICIES', 'SINCE', 'FROM'], ...rows]);
}

/** How much there is, and whether any of it denies: the rest is for --json. */
function policiesText(policies: readonly unknown[]): string {
  const statements = policies.flatMap((policy) => (policy as { Statement: { Effect: string } }).Statement);
  const denying = statements.filter(({ Effect }) => Effect === 'Deny').length;
  if (policies.length === 0) return 'none';
  const parts = [counted(policies.length, 'policy', 'policies'), counted(statements.length, 'statement')];
  return [...parts, ...(denying > 0 ? [`${denying} deny`] : [])].join(', ');
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
