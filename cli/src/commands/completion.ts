/** `forebay completion SHELL`: a script that lets a shell complete commands and flags. */
import { Argument, Command } from 'commander';
import { completionScript, type Shell, shells } from '../completion.ts';
import { examplesText } from './admin-command.ts';

export function completionCommand(): Command {
  const summary = 'print a script that completes commands and flags in a shell';
  const command = new Command('completion').summary(summary).description(summary);
  return command
    .addArgument(new Argument('<shell>', 'whose script').choices(shells))
    .addHelpText(
      'after',
      examplesText([
        'forebay completion bash > /etc/bash_completion.d/forebay',
        'forebay completion zsh > ~/.zsh/completions/_forebay',
        'forebay completion fish > ~/.config/fish/completions/forebay.fish',
      ]),
    )
    .action((shell: Shell) => {
      process.stdout.write(completionScript(command.parent!, shell));
    });
}
