/** What commands that talk to a running Forebay have in common. */
import { Command } from 'commander';
import { type AdminClient, type AdminOptions, adminClient, adminUrlDefault } from '../admin-client.ts';

interface AdminCommand {
  /** `stat <object>` */
  readonly usage: string;
  readonly summary: string;
  readonly examples: readonly string[];
  readonly run: (context: AdminContext) => Promise<void>;
}

export interface AdminContext {
  readonly client: AdminClient;
  readonly arguments: readonly string[];
  /** Those that the command adds to the common ones. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly print: Print;
}

/** `--json`: one JSON value; otherwise the lines for people. */
export type Print = (value: unknown, lines: () => readonly string[]) => void;

export function adminCommand({ usage, summary, examples, run }: AdminCommand): Command {
  const [name, ...operands] = usage.split(' ');
  const command = new Command(name).summary(summary).description(summary);
  for (const operand of operands) command.argument(operand);
  return command
    .option('--admin <url>', `address of the admin API (default ${adminUrlDefault}, env FOREBAY_ADMIN)`)
    .option('--registry <url>', 'the same as --admin')
    .option(
      '--data-dir <dir>',
      'where the root key pair is kept (default ./forebay-data, env FOREBAY_DATA_DIR)',
    )
    .option('--json', 'print one JSON value')
    .addHelpText('after', examplesText(examples))
    .addHelpText('after', credentialsText)
    .action(async (...given) => {
      const command = given.at(-1) as Command;
      // Of a command below another, either may be told where to ask: `users --json add`.
      const options = command.optsWithGlobals<AdminOptions & { json?: true }>();
      await run({
        client: adminClient(options, process.env),
        arguments: command.args,
        options: command.opts(),
        print: (value, lines) => {
          const text = options.json ? JSON.stringify(value, undefined, 2) : lines().join('\n');
          if (text !== '') process.stdout.write(`${text}\n`);
        },
      });
    });
}

export function examplesText(examples: readonly string[]): string {
  return `\nExamples:\n${examples.map((example) => `  ${example}`).join('\n')}\n`;
}

const credentialsText = `Credentials: FOREBAY_ACCESS_KEY and FOREBAY_SECRET_KEY, else FOREBAY_TOKEN,
else the pair kept in --data-dir.
`;
