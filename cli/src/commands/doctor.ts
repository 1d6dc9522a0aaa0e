/** `forebay doctor`: what is wrong with a set-up, before or while it runs, and what to do about it. */
import { Command, Option } from 'commander';
import { CommandError } from '../command-error.ts';
import type { Finding } from '../doctor/finding.ts';
import { serveSettingGroups } from '../settings.ts';
import { examplesText } from './admin-command.ts';
import { addSettings, collect } from './setting-options.ts';

export function doctorCommand(): Command {
  const summary = 'check config, keys, memory, disks, ports and mounts, and say what to fix';
  const command = new Command('doctor').summary(summary).description(`${summary}; takes the flags of serve`);
  command.addOption(new Option('--config <file>', 'as of serve').helpGroup('Process:'));
  const mount = new Option('--mount <path=ufs-uri>', 'as of serve; may be repeated');
  const rule = new Option('--rule <s3://bucket/prefix/?options>', 'as of serve; may be repeated');
  for (const option of [mount, rule]) command.addOption(option.argParser(collect).helpGroup('Process:'));
  addSettings(command, serveSettingGroups);
  return command
    .option('--json', 'print one JSON value')
    .addHelpText(
      'after',
      examplesText(['forebay doctor', 'forebay doctor --config forebay.yaml', 'forebay doctor --json']),
    )
    .action(async ({ json, ...flags }) => {
      const { diagnose } = await import('../doctor/diagnose.ts');
      const show = json ? () => {} : (finding: Finding) => process.stdout.write(textOf(finding));
      const findings = await diagnose({ flags, env: process.env, nowMs: Date.now() }, show);
      if (json) process.stdout.write(`${JSON.stringify(findings, undefined, 2)}\n`);
      const failed = findings.filter(({ state }) => state === 'fail').length;
      if (failed > 0) throw new CommandError(`${failed} of ${findings.length} checks failed`);
    });
}

const marks = { ok: 'ok  ', warn: 'warn', fail: 'FAIL' };

function textOf({ check, state, message, fix }: Finding): string {
  const line = `${marks[state]}  ${check}: ${message}\n`;
  return fix === undefined ? line : `${line}      → ${fix}\n`;
}
