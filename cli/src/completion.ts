/** Completion scripts for shells, from the table of commands: what there is to type after `forebay`. */
import type { Command } from 'commander';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

interface Words {
  /** `users add`; empty: the program itself. */
  readonly path: string;
  readonly summary: string;
  readonly commands: readonly { readonly name: string; readonly summary: string }[];
  readonly flags: readonly {
    readonly name: string;
    readonly summary: string;
    readonly takesValue: boolean;
  }[];
}

export function completionScript(program: Command, shell: Shell): string {
  const all = wordsOf(program, '');
  if (shell === 'fish') return fishScript(all);
  const script = bashScript(all);
  if (shell === 'bash') return script;
  // zsh runs completions of bash.
  return `#compdef forebay\nautoload -U +X bashcompinit && bashcompinit\n${script}`;
}

/** Of the command and all below it. */
function wordsOf(command: Command, path: string): Words[] {
  const shown = command
    .createHelp()
    .visibleCommands(command)
    .filter((one) => one.name() !== 'help');
  const options = command.createHelp().visibleOptions(command);
  const words = {
    path,
    summary: command.summary(),
    commands: shown.map((one) => ({ name: one.name(), summary: one.summary() })),
    flags: options.flatMap(({ long, description, required, optional }) =>
      long ? [{ name: long, summary: firstSentence(description), takesValue: required || optional }] : [],
    ),
  };
  return [words, ...shown.flatMap((one) => wordsOf(one, path === '' ? one.name() : `${path} ${one.name()}`))];
}

function firstSentence(text: string): string {
  return (/^[^.(;]*/.exec(text)?.[0] ?? '').trim();
}

function bashScript(all: readonly Words[]): string {
  const cases = all.map(({ path, commands, flags }) => {
    const words = [...commands.map(({ name }) => name), ...flags.map(({ name }) => name)].join(' ');
    return `    '${path}') words='${words}' ;;`;
  });
  const paths = all.map(({ path }) => path).filter((path) => path !== '');
  return `_forebay() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path='' words='' index word next
  for ((index = 1; index < COMP_CWORD; index += 1)); do
    word="\${COMP_WORDS[index]}"
    next="\${path:+$path }$word"
    case "$next" in
      ${paths.map((path) => `'${path}'`).join('|')}) path="$next" ;;
    esac
  done
  case "$path" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _forebay forebay
`;
}

function fishScript(all: readonly Words[]): string {
  const lines = all.flatMap(({ path, commands, flags }) => {
    const condition = fishCondition(
      path,
      commands.map(({ name }) => name),
    );
    return [
      ...commands.map(
        ({ name, summary }) => `complete -c forebay -f -n ${condition} -a ${name} -d ${quoted(summary)}`,
      ),
      ...flags.map(({ name, summary, takesValue }) => {
        const value = takesValue ? ' -r' : '';
        return `complete -c forebay -n ${condition} -l ${name.slice(2)}${value} -d ${quoted(summary)}`;
      }),
    ];
  });
  return `${lines.join('\n')}\n`;
}

/** All words of the path are there, and none of what may follow. */
function fishCondition(path: string, next: readonly string[]): string {
  const seen = path
    .split(' ')
    .filter(Boolean)
    .map((word) => `__fish_seen_subcommand_from ${word}`);
  const unseen = next.length > 0 ? [`not __fish_seen_subcommand_from ${next.join(' ')}`] : [];
  return quoted([...seen, ...unseen].join('; and ') || 'true');
}

function quoted(text: string): string {
  return `'${text.replace(/['\\]/g, '\\$&')}'`;
}
