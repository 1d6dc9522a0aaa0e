/**
 * The commands of README.md as a reader would copy them: fenced blocks in order, in a copy of the
 * repository.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const repository = resolve(import.meta.dirname, '../..');

export interface CodeBlock {
  readonly language: string;
  readonly code: string;
  /** The heading it stands under. */
  readonly section: string;
}

export function codeBlocksOf(markdown: string): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let section = '';
  for (const [, heading, language, code] of markdown.matchAll(/^## ([^\n]*)$|^```(\w*)\n(.*?)^```$/gms)) {
    if (heading !== undefined) section = heading;
    else blocks.push({ language: language!, code: code!, section });
  }
  return blocks;
}

export function readmeText(): string {
  return readFileSync(join(repository, 'README.md'), 'utf8');
}

/** What a clone would hold, with the packages beside it: a place where `forebay-data` may be left. */
export function copyRepository(target: string): void {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: repository,
    encoding: 'utf8',
  });
  for (const path of listed.split('\0')) {
    if (path === '' || !existsSync(join(repository, path))) continue;
    cpSync(join(repository, path), join(target, path), {
      recursive: true,
      verbatimSymlinks: true,
      preserveTimestamps: true,
    });
  }
  // Links of workspaces are relative: in the copy they lead to the copy's own sources.
  execFileSync('cp', ['-a', join(repository, 'node_modules'), join(target, 'node_modules')]);
  // Cloned just now, installed after that.
  execFileSync('touch', [join(target, 'node_modules/.package-lock.json')]);
}
