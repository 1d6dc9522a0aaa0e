/** `forebay cache-node`: its flags come from the settings; the work is in roles/cache-node.ts. */
import { Command, Option } from 'commander';
import { loadCacheNodeConfig } from '../role-config.ts';
import { cacheNodeRoleGroups } from '../settings.ts';
import { examplesText } from './admin-command.ts';
import { addSettings } from './setting-options.ts';

export function cacheNodeCommand(): Command {
  const summary = 'run a cache node of a cluster: it holds pages and what is known of objects';
  const command = new Command('cache-node').summary(summary).description(summary);
  const config = new Option('--config <file>', 'YAML file with the same settings (env FOREBAY_CONFIG)');
  command.addOption(config.helpGroup('Process:'));
  addSettings(command, cacheNodeRoleGroups);
  return command
    .addHelpText('after', examplesText(examples))
    .addHelpText(
      'after',
      'Others reach it at --host and --port, or at --advertise. All roles share FOREBAY_CLUSTER_SECRET.\n',
    )
    .action(async (flags) => {
      const node = loadCacheNodeConfig({ flags, env: process.env, nowMs: Date.now() });
      const { runCacheNode } = await import('../roles/cache-node.ts');
      await runCacheNode(node);
    });
}

const examples = [
  'forebay cache-node --registry http://registry:9001 --data-dir /var/lib/forebay --cache-size 500GiB',
  'forebay cache-node --registry http://r1:9001,http://r2:9001 --host 0.0.0.0 --advertise 10.0.0.5:9100',
];
