/**
 * The Dockerfile's steps in plain directories, where no container engine is at hand: each stage is a
 * directory, absolute paths of the image lie below it, and commands run with the same words. What is made is
 * started as the image's user, with its environment and nothing else.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { type Environment, mustRun } from '../support/process.ts';
import { tempDir } from '../support/temp.ts';

const repository = resolve(import.meta.dirname, '../..');
/** Directories that the Dockerfile names and the steps must not find on this machine. */
const imagePaths = /(?<![\w.])\/(opt|var\/lib)\/forebay/g;

export interface Image {
  /** What is `/` in the image. */
  readonly root: string;
  readonly env: Environment;
  readonly user: { readonly uid: number; readonly gid: number };
  readonly ports: readonly number[];
  /** Program and arguments; undefined where the image says none. */
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly healthCheck: readonly string[];
  /** Where its programs start. */
  readonly directory: string;
  /** The images that its stages begin with. */
  readonly bases: readonly string[];
  remove(): void;
}

interface Stage {
  readonly root: string;
  readonly name: string | undefined;
  readonly env: Record<string, string>;
  readonly said: Map<string, string>;
  directory: string;
}

/** @throws Error where a step fails, or is one that this does not know */
export async function buildImage(): Promise<Image> {
  const home = tempDir('image');
  chmodSync(home, 0o755);
  const stages: Stage[] = [];
  const bases: string[] = [];
  for (const { name, value } of instructionsOf(readFileSync(join(repository, 'Dockerfile'), 'utf8'))) {
    if (name === 'FROM') {
      const [base = '', , stage] = value.split(/\s+/);
      bases.push(base);
      stages.push(newStage(join(home, `stage-${stages.length}`), base, stage));
    } else await step(stages, name, value);
  }
  const { root, env, said, directory } = stages.at(-1)!;
  const [uid = 0, gid = 0] = (said.get('USER') ?? '').split(':').map(Number);
  const listOf = (instruction: string) => JSON.parse(said.get(instruction) ?? '[]') as string[];
  return {
    root,
    env: Object.fromEntries(Object.entries(env).map(([key, text]) => [key, below(root, text)])),
    user: { uid, gid },
    ports: (said.get('EXPOSE') ?? '').split(/\s+/).map(Number),
    entrypoint: listOf('ENTRYPOINT'),
    command: listOf('CMD'),
    healthCheck: JSON.parse(/CMD (\[.*)/.exec(said.get('HEALTHCHECK') ?? 'CMD []')![1]!) as string[],
    directory: join(root, directory),
    bases,
    remove: () => rmSync(home, { recursive: true, force: true }),
  };
}

function* instructionsOf(dockerfile: string): Generator<{ name: string; value: string }> {
  const lines = dockerfile.replaceAll(/^#.*\n/gm, '').replaceAll(/\\\n/g, ' ');
  for (const line of lines.split('\n').filter((text) => text.trim() !== '')) {
    const [, name = '', value = ''] = /^(\w+)\s+(.*)$/.exec(line.trim()) ?? [];
    yield { name, value: value.trim() };
  }
}

/** Of what a base brings, only its Node counts: the one that these tests run under. */
function newStage(root: string, base: string, name: string | undefined): Stage {
  mkdirSync(root);
  if (base.startsWith('node:')) {
    mkdirSync(join(root, 'usr/local/bin'), { recursive: true });
    cpSync(process.execPath, join(root, 'usr/local/bin/node'), { dereference: true });
  }
  return { root, name, env: {}, said: new Map(), directory: '/' };
}

async function step(stages: readonly Stage[], name: string, value: string): Promise<void> {
  const stage = stages.at(-1)!;
  if (name === 'WORKDIR') {
    stage.directory = value;
    mkdirSync(join(stage.root, value), { recursive: true });
  } else if (name === 'COPY') copy(stages, value);
  else if (name === 'RUN') await runIn(stage, value);
  else if (name === 'ENV') {
    for (const [, key, text] of value.matchAll(/(\w+)=(\S+)/g)) stage.env[key!] = text!;
  } else if (['USER', 'VOLUME', 'EXPOSE', 'HEALTHCHECK', 'ENTRYPOINT', 'CMD'].includes(name)) {
    stage.said.set(name, value);
  } else throw new Error(`a step that nobody here knows: ${name} ${value}`);
}

function copy(stages: readonly Stage[], value: string): void {
  const stage = stages.at(-1)!;
  const words = value.split(/\s+/);
  const [from, to] = words.filter((word) => !word.startsWith('--')) as [string, string];
  const option = (flag: string) => words.find((word) => word.startsWith(flag))?.slice(flag.length);
  const source = stages.find(({ name }) => name === option('--from='));
  if (source?.name === undefined) {
    copyContext(join(stage.root, stage.directory));
    return;
  }
  const target = join(stage.root, to);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(join(source.root, from), target, { recursive: true, verbatimSymlinks: true });
  const [uid, gid] = (option('--chown=') ?? '').split(':').map(Number);
  if (uid && process.getuid?.() === 0) chownSync(target, uid, gid ?? uid);
}

/** `COPY . .`: what git knows, without what .dockerignore names. */
function copyContext(target: string): void {
  const listed = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z'], {
    cwd: repository,
    encoding: 'utf8',
  });
  const ignored = readFileSync(join(repository, '.dockerignore'), 'utf8').trim().split('\n').map(matcherOf);
  for (const path of listed.split('\0')) {
    const isWanted =
      path !== '' && existsSync(join(repository, path)) && !ignored.some((is) => is.test(path));
    if (isWanted) cpSync(join(repository, path), join(target, path));
  }
}

/** Of the patterns of .dockerignore: names, `*`, and a leading double star. */
function matcherOf(pattern: string): RegExp {
  const anywhere = pattern.startsWith('**/');
  const name = (anywhere ? pattern.slice(3) : pattern).replaceAll('.', '\\.').replaceAll('*', '[^/]*');
  return new RegExp(`^${anywhere ? '(.*/)?' : ''}${name}(/|$)`);
}

async function runIn(stage: Stage, command: string): Promise<void> {
  // The machine's own npm stands for that of the base; it runs under the stage's Node.
  const path = `${join(stage.root, 'usr/local/bin')}:${process.env.PATH}`;
  // How this machine reaches its packages is in its environment.
  const env = { ...process.env, PATH: path };
  await mustRun('sh', ['-c', below(stage.root, command)], { cwd: join(stage.root, stage.directory), env });
}

/** The same text with the image's paths where they lie here. */
export function below(root: string, text: string): string {
  return text.replaceAll(imagePaths, (path) => join(root, path)).replace(/^\/usr\/local/, `${root}$&`);
}
