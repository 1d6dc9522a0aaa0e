import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { completionScript } from './completion.ts';
import { createProgram } from './program.ts';

/** What bash would offer for the last word. */
function offered(...words: string[]): string[] {
  const script = completionScript(createProgram(), 'bash');
  const line = ['forebay', ...words].map((word) => `'${word}'`).join(' ');
  const ask = `COMP_WORDS=(${line}); COMP_CWORD=${words.length}; _forebay; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const answer = execFileSync('bash', ['-c', `${script}\n${ask}`], { encoding: 'utf8' });
  return answer.split('\n').filter(Boolean);
}

describe('completion', () => {
  it('offers commands, their commands and their flags to bash', () => {
    expect(offered('lo')).toEqual(['load']);
    expect(offered('users', 'a')).toEqual(['add']);
    expect(offered('config', '')).toEqual(expect.arrayContaining(['get', 'set', 'history']));
    expect(offered('load', 's3://lake/', '--dry')).toEqual(['--dry-run']);
    expect(offered('serve', '--page-s')).toEqual(['--page-size']);
    expect(offered('nothing-like-this', 'x')).toEqual([]);
  });

  it('is a script for zsh that runs that of bash', () => {
    expect(completionScript(createProgram(), 'zsh')).toMatch(/^#compdef forebay\n.*bashcompinit/);
  });

  it('tells fish commands with their summaries, each where it may stand', () => {
    const lines = completionScript(createProgram(), 'fish').split('\n');
    const load = lines.find((line) => line.includes("-a load -d 'fill the cache"));
    expect(load).toContain('not __fish_seen_subcommand_from');
    expect(
      lines.some((line) => line.includes('__fish_seen_subcommand_from load') && line.includes('-l dry-run')),
    ).toBe(true);
  });
});
