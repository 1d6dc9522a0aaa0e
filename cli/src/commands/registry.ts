/** `forebay registry`: the registry of a cluster; the work is in roles/registry.ts. */
import { Command, Option } from 'commander';
import { loadRegistryConfig } from '../role-config.ts';
import { registryRoleGroups } from '../settings.ts';
import { examplesText } from './admin-command.ts';
import { addSettings, collect } from './setting-options.ts';

export function registryCommand(): Command {
  const summary = 'run the registry of a cluster: members, mounts, users, admin API';
  const command = new Command('registry').summary(summary).description(summary);
  const file = 'YAML file with the same settings, mounts, rules and users (env FOREBAY_CONFIG)';
  command.addOption(new Option('--config <file>', file).helpGroup('Process:'));
  const mount = new Option('--mount <path=ufs-uri>', 'mount a UFS; may be repeated (env FOREBAY_MOUNT)');
  command.addOption(mount.argParser(collect).helpGroup('Cluster:'));
  const rule = 'how pages of a prefix are kept; may be repeated (env FOREBAY_RULE)';
  const rules = new Option('--rule <s3://bucket/prefix/?options>', rule);
  command.addOption(rules.argParser(collect).helpGroup('Cluster:'));
  addSettings(command, registryRoleGroups);
  return command
    .addHelpText('after', examplesText(examples))
    .addHelpText(
      'after',
      'All roles of a cluster share FOREBAY_CLUSTER_SECRET; make it with "openssl rand -hex 32".\n',
    )
    .action(async (flags) => {
      const config = loadRegistryConfig({ flags, env: process.env, nowMs: Date.now() });
      const { registryUntilStopped } = await import('../roles/registry.ts');
      await registryUntilStopped(config);
    });
}

const examples = [
  'forebay registry --data-dir ./registry',
  "forebay registry --host 0.0.0.0 --mount '/lake=s3://lake?credentials=env:LAKE'",
  'forebay registry --state redis://10.0.0.9:6379   and another one like it on a second host',
];
