/** `forebay config get` and `set`: settings of a running Forebay, and those that may change while it runs. */
import type { AuditView } from '@forebay/registry/admin/audit';
import type { SettingView } from '@forebay/registry/admin/settings';
import { Command } from 'commander';
import { table } from '../terminal.ts';
import { adminCommand, examplesText } from './admin-command.ts';

interface Change {
  readonly key: string;
  readonly from?: string;
  readonly to?: string;
  readonly at: string;
  readonly by: string;
}

export function configCommand(): Command {
  const summary = 'show settings, and change those that may change while Forebay runs';
  return new Command('config')
    .summary(summary)
    .description(summary)
    .addHelpText(
      'after',
      examplesText([
        'forebay config get                     every setting; those that may change are marked',
        'forebay config set accessLog on        from now on, everywhere, and after restarts',
        'forebay config set accessLog           back to what flags, environment and file say',
        'forebay config history                 who changed which setting',
        'forebay config history --all           who changed what: mounts, users, jobs, pins, ...',
      ]),
    )
    .addCommand(getCommand())
    .addCommand(setCommand())
    .addCommand(historyCommand());
}

const pathOf = (key: string) => `/api/v1/settings/${encodeURIComponent(key)}`;

function getCommand(): Command {
  return adminCommand({
    usage: 'get [key]',
    summary: 'show one setting, or all',
    examples: ['forebay config get', 'forebay config get requestsInFlightMax', 'forebay config get --json'],
    run: async ({ client, arguments: [key], print }) => {
      if (key !== undefined) {
        const setting = await client.ask<SettingView>('GET', pathOf(key));
        print(setting, () => [shownValue(setting)]);
        return;
      }
      const settings = await client.ask<SettingView[]>('GET', '/api/v1/settings');
      print(settings, () => table([['KEY', 'VALUE', 'CHANGES', 'FROM'], ...settings.map(rowOf)]));
    },
  });
}

function setCommand(): Command {
  return adminCommand({
    usage: 'set <key> [value]',
    summary: 'change a setting without a restart; without a value, take the change back',
    examples: ['forebay config set logLevel debug', 'forebay config set logLevel'],
    run: async ({ client, arguments: [key = '', value], print }) => {
      const setting =
        value === undefined
          ? await client.ask<SettingView>('DELETE', pathOf(key))
          : await client.ask<SettingView>('PUT', pathOf(key), { value });
      print(setting, () => [`${setting.key} is ${shownValue(setting)}`]);
    },
  });
}

function historyCommand(): Command {
  return adminCommand({
    usage: 'history',
    summary: 'list changes of settings, or all that was changed by the admin API, the newest first',
    examples: ['forebay config history', 'forebay config history --all --limit 20'],
    run: async ({ client, print, options }) => {
      if (options.all) {
        const limit = encodeURIComponent(String(options.limit));
        const all = await client.ask<AuditView[]>('GET', `/api/v1/audit?limit=${limit}`);
        print(all, () => auditLines(all));
        return;
      }
      const changes = await client.ask<Change[]>('GET', '/api/v1/setting-changes');
      const rows = changes.map(({ at, by, key, from = '(start)', to = '(start)' }) => [
        at,
        by,
        key,
        from,
        to,
      ]);
      print(changes, () =>
        rows.length === 0 ? ['nothing was changed'] : table([['AT', 'BY', 'KEY', 'FROM', 'TO'], ...rows]),
      );
    },
  })
    .option('--all', 'mounts, users, jobs, pins, freeing and draining as well')
    .option('--limit <n>', 'so many of them, with --all', '100');
}

function auditLines(all: readonly AuditView[]): string[] {
  if (all.length === 0) return ['nothing was changed'];
  const rows = all.map(({ at, by, action, target, before, after }) => [
    ...[at, by, action, target],
    ...[shownFact(before), shownFact(after)],
  ]);
  return table([['AT', 'BY', 'WHAT', 'TARGET', 'FROM', 'TO'], ...rows]);
}

const factCharactersMax = 60;

/** `--json` has all of it. */
function shownFact(fact: unknown): string {
  if (fact === undefined) return '';
  const text = typeof fact === 'string' ? fact : JSON.stringify(fact);
  return text.length > factCharactersMax ? `${text.slice(0, factCharactersMax)}...` : text;
}

function shownValue({ value, secret }: SettingView): string {
  return secret ? '(secret)' : (value ?? '(not set)');
}

function rowOf(setting: SettingView): string[] {
  const { key, dynamic, origin } = setting;
  return [key, shownValue(setting), dynamic ? 'at run time' : 'at a start', origin];
}
