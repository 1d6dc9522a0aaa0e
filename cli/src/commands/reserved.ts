/** Commands that have a name already and come with a later version. */
import { Command } from 'commander';
import { usageError } from '../command-error.ts';

const names = ['cache-node'];

export function reservedCommands(): Command[] {
  return names.map((name) =>
    new Command(name)
      .allowUnknownOption()
      .allowExcessArguments()
      .helpOption(false)
      .action(() => {
        throw usageError(`the command "${name}" is not available in this version`);
      }),
  );
}
