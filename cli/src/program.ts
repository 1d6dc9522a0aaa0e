/** The table of commands. */
import { Command } from 'commander';
import { examplesText } from './commands/admin-command.ts';
import { benchCommand } from './commands/bench.ts';
import { cacheNodeCommand } from './commands/cache-node.ts';
import { completionCommand } from './commands/completion.ts';
import { configCommand } from './commands/config.ts';
import { demoCommand } from './commands/demo.ts';
import { doctorCommand } from './commands/doctor.ts';
import { freeCommand } from './commands/free.ts';
import { gatewayCommand } from './commands/gateway.ts';
import { jobCommand, jobsCommand } from './commands/jobs.ts';
import { copyCommand, loadCommand, verifyCommand } from './commands/load.ts';
import { mountCommand, mountsCommand, umountCommand } from './commands/mounts.ts';
import { drainCommand, nodesCommand } from './commands/nodes.ts';
import { pinCommand, pinsCommand, unpinCommand } from './commands/pins.ts';
import { registryCommand } from './commands/registry.ts';
import { serveCommand } from './commands/serve.ts';
import { explainCommand, statCommand } from './commands/stat.ts';
import { statusCommand } from './commands/status.ts';
import { usersCommand } from './commands/users.ts';
import { version } from './version.ts';

export function createProgram(): Command {
  const program = new Command('forebay')
    .description(
      'An S3-compatible caching gateway: what was read before is served from memory and local disk.',
    )
    .version(version, '--version', 'print the version')
    .helpCommand('help [command]', 'show the help of a command')
    .addHelpText('after', examplesText(examples));
  const commands = [
    ...[serveCommand(), demoCommand(), statusCommand()],
    ...[gatewayCommand(), cacheNodeCommand()],
    ...[registryCommand(), nodesCommand(), drainCommand()],
    ...[mountsCommand(), mountCommand(), umountCommand()],
    ...[statCommand(), explainCommand()],
    ...[freeCommand(), pinCommand(), unpinCommand(), pinsCommand()],
    ...[loadCommand(), verifyCommand(), copyCommand(), jobsCommand(), jobCommand()],
    ...[configCommand(), usersCommand(), doctorCommand(), completionCommand(), benchCommand()],
  ];
  for (const command of commands) program.addCommand(command);
  for (const command of [program, ...program.commands.flatMap((one) => [one, ...one.commands])])
    settle(command);
  return program;
}

const examples = [
  'forebay serve                                    start, and print how to point S3 clients at it',
  'forebay serve --mount /data=file:///srv/data     cache a directory',
  'forebay demo                                     a tour: cold and warm reads of a far bucket',
  'forebay status                                   what is served, what the cache holds',
  'forebay stat s3://data/a.bin                     what is cached of one object',
  'forebay explain s3://data/a.bin                  and what a read of it would do now, and why',
  'forebay load s3://data/train/ --wait             fill the cache ahead of a run, with progress',
  'forebay users add reader --allow read:/data      someone who may only read',
  'forebay bench --bucket data                      load an endpoint and measure it',
];

/** Errors of usage are one line, and end the process where we say so. */
function settle(command: Command): void {
  command.exitOverride().configureOutput({
    outputError: (text, write) => {
      const line = text
        .replace(/^error: /, '')
        .replace(/\s*\n\s*/g, ' ')
        .trim();
      write(`forebay: ${line}; see ${pathOf(command)} --help\n`);
    },
  });
}

/** `forebay users add` */
function pathOf(command: Command): string {
  return command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();
}
