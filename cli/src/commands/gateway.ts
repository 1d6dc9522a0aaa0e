/** `forebay gateway`: its flags come from the settings; the work is in roles/gateway.ts. */
import { Command, Option } from 'commander';
import { loadGatewayConfig } from '../role-config.ts';
import { gatewayRoleGroups } from '../settings.ts';
import { examplesText } from './admin-command.ts';
import { addSettings } from './setting-options.ts';

export function gatewayCommand(): Command {
  const summary = 'run a gateway of a cluster: it speaks S3 and keeps nothing';
  const command = new Command('gateway').summary(summary).description(summary);
  const config = new Option('--config <file>', 'YAML file with the same settings (env FOREBAY_CONFIG)');
  command.addOption(config.helpGroup('Process:'));
  addSettings(command, gatewayRoleGroups);
  return command
    .addHelpText('after', examplesText(examples))
    .addHelpText('after', 'All roles of a cluster share FOREBAY_CLUSTER_SECRET.\n')
    .action(async (flags) => {
      const gateway = loadGatewayConfig({ flags, env: process.env, nowMs: Date.now() });
      // The role brings large libraries along, which no other command should wait for.
      const { runGateway } = await import('../roles/gateway.ts');
      await runGateway(gateway);
    });
}

const examples = [
  'forebay gateway --registry http://registry:9001',
  'forebay gateway --registry http://r1:9001,http://r2:9001 --host 0.0.0.0 --port 9000',
];
