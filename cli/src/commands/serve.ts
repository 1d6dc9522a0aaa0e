/** `forebay serve`: its flags come from the settings; the work is in roles/serve.ts. */
import { Command, Option } from 'commander';
import { loadServeConfig } from '../serve-config.ts';
import { serveSettingGroups } from '../settings.ts';
import { examplesText } from './admin-command.ts';
import { addSettings, collect } from './setting-options.ts';

export function serveCommand(): Command {
  const summary = 'run gateway, cache and registry in one process';
  const command = new Command('serve')
    .summary(summary)
    .description(`${summary}; with no mount it serves a local directory`);
  command.addOption(
    new Option(
      '--config <file>',
      'YAML file with the same settings, and mounts (env FOREBAY_CONFIG)',
    ).helpGroup('Process:'),
  );
  const mount = new Option('--mount <path=ufs-uri>', 'mount a UFS; may be repeated (env FOREBAY_MOUNT)');
  command.addOption(mount.argParser(collect).helpGroup('Process:'));
  const rule = new Option(
    '--rule <s3://bucket/prefix/?options>',
    'how pages of a prefix are kept: quota, priority, pin, minUses, cacheTtl, maxObjectSize; ' +
      'may be repeated (env FOREBAY_RULE)',
  );
  command.addOption(rule.argParser(collect).helpGroup('Process:'));
  addSettings(command, serveSettingGroups);
  return command
    .addHelpText('after', examplesText(examples))
    .addHelpText(
      'after',
      'The root user is FOREBAY_ACCESS_KEY and FOREBAY_SECRET_KEY, or a pair made at the first start.\n',
    )
    .action(async (flags) => {
      const config = loadServeConfig({ flags, env: process.env, nowMs: Date.now() });
      // The roles bring large libraries along, which no other command should wait for.
      const { serveUntilStopped } = await import('../roles/serve-process.ts');
      await serveUntilStopped(config);
    });
}

const examples = [
  'forebay serve',
  'forebay serve --mount /data=file:///srv/data',
  "forebay serve --mount '/lake=s3://lake/raw?endpoint=http://127.0.0.1:7070&credentials=env:LAKE&ttl=5m'",
  'forebay serve --config forebay.yaml --port 9100 --cache-size 200GiB',
];
