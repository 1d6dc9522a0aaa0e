/** README.md works as it stands: every command of it runs, in order, as a newcomer would type it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { atEnd } from '../support/at-end.ts';
import { isPortOpen, type RunResult, run } from '../support/process.ts';
import { type CodeBlock, codeBlocksOf, copyRepository, readmeText } from '../support/readme.ts';
import { fileOf, type S3Server, startVersitygw } from '../support/servers.ts';
import { tempDir } from '../support/temp.ts';
import { needs, toolPath } from '../support/tools.ts';
import { until } from '../support/until.ts';

/** The ports that README.md and its clients speak of. */
const ports = [9000, 9001] as const;
const languages = ['sh', 'python', 'js'];

describe('README.md', await needs('versitygw', 'python'), () => {
  const directory = join(tempDir('readme'), 'forebay');
  const blocks = codeBlocksOf(readmeText()).filter(({ language }) => languages.includes(language));
  const started = new Set<Background>();
  let server: S3Server;
  /** What the reader's shell exports: it grows from block to block. */
  let env: Record<string, string> = {};
  /** What the reader noted down from the first start. */
  let keys: { access: string; secret: string } | undefined;
  let running: Background | undefined;
  let said: Map<CodeBlock, RunResult>;

  beforeAll(async () => {
    for (const port of ports) {
      if (await isPortOpen(port)) throw new Error(`port ${port}, of which README.md speaks, is taken`);
    }
    server = await startVersitygw({ region: 'eu-central-1' });
    await server.createBucket('my-bucket');
    copyRepository(directory);
    const tools = await toolPath('python');
    env = {
      PATH: [tools, process.env.PATH].join(delimiter),
      HOME: tempDir('readme-home'),
      PYTHONDONTWRITEBYTECODE: '1',
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_PAGER: '',
    };
    said = new Map();
    for (const block of blocks) said.set(block, await follow(block));
  });
  afterAll(async () => {
    for (const process of started) await process.interrupt();
    await server?.stop();
  });

  /** Only what README.md leaves to its reader is filled in. */
  function filledIn({ code }: CodeBlock): string {
    let at = 0;
    return code
      .replace(/=\.\.\.(?=\s)/g, () => `=${[server.accessKey, server.secretKey][at++]!}`)
      .replaceAll('YOUR_ACCESS_KEY', () => keys!.access)
      .replaceAll('YOUR_SECRET_KEY', () => keys!.secret)
      .replaceAll('s3://my-bucket?', `s3://my-bucket?endpoint=${server.endpoint}&pathStyle=true&`);
  }

  async function follow(block: CodeBlock): Promise<RunResult> {
    const code = filledIn(block);
    if (block.language === 'python') return run('python3', ['-c', code], { cwd: directory, env });
    if (block.language === 'js') {
      const file = join(directory, 'read.mjs');
      writeFileSync(file, code);
      return run('node', [file], { cwd: directory, env });
    }
    return /^npm start\b/m.test(code) ? startInBackground(code) : runInShell(code);
  }

  /** `npm start` takes a terminal of its own; a reader ends the one before it with Ctrl-C. */
  async function startInBackground(code: string): Promise<RunResult> {
    if (running) await running.interrupt();
    running = new Background(code, { cwd: directory, env });
    started.add(running);
    const stdout = await running.ready();
    const found = /Access key +(\S+)\n +Secret key +(\S+)\n/.exec(stdout);
    keys ??= found ? { access: found[1]!, secret: found[2]! } : undefined;
    return { code: 0, stdout, stderr: '' };
  }

  async function runInShell(code: string): Promise<RunResult> {
    const exported = join(tempDir('readme-env'), 'env');
    const result = await run('sh', ['-eu', '-c', `${code}\nenv -0 > '${exported}'`], { cwd: directory, env });
    if (result.code === 0) {
      const entries = readFileSync(exported, 'utf8').split('\0').filter(Boolean);
      env = Object.fromEntries(entries.map((entry) => [entry.split('=')[0]!, entry.replace(/^[^=]*=/, '')]));
    }
    return result;
  }

  const outputOf = (marker: string): RunResult => {
    const block = blocks.find(({ code }) => code.includes(marker));
    if (!block) throw new Error(`README.md has no command with ${marker}`);
    return said.get(block)!;
  };

  it('every command succeeds', () => {
    expect(blocks.length).toBeGreaterThanOrEqual(7);
    for (const [{ section, code }, result] of said) {
      expect(result.code, `${section}\n${code}\n${result.stdout}\n${result.stderr}`).toBe(0);
      expect(result.stderr, code).not.toMatch(/^forebay: |deprecat/im);
    }
  });

  it('the first start says where everything is, and makes a pair of keys', () => {
    const { stdout } = outputOf('npm start\n');
    expect(stdout).toContain('http://127.0.0.1:9000');
    expect(stdout).toContain('http://127.0.0.1:9001/');
    expect(stdout).toContain('/local ');
    expect(keys).toBeDefined();
  });

  it('the demo shows cold and warm reads', () => {
    const { stdout } = outputOf('npx forebay demo');
    expect(stdout).toMatch(/cold/i);
    expect(stdout).toMatch(/warm/i);
  });

  it('what was copied with the AWS command line is listed, lies in the bucket, and is read by boto3', () => {
    expect(outputOf('aws s3 ls').stdout).toMatch(/ docs\/README\.md\n/);
    const readme = readFileSync(join(directory, 'README.md'));
    expect(readFileSync(fileOf(server, 'my-bucket', 'docs/README.md')).equals(readme)).toBe(true);
    expect(readFileSync(join(directory, 'copy.md')).equals(readme)).toBe(true);
  });

  it('the SDK for JavaScript reads it too', () => {
    expect(outputOf('GetObjectCommand').stdout).toBe('# Forebay\n');
  });

  it('status, mounts and stat tell of it', () => {
    const { stdout } = outputOf('npx forebay stat');
    expect(stdout).toMatch(/^S3 endpoint +http:\/\/127\.0\.0\.1:9000$/m);
    expect(stdout).toMatch(/^\/lake +s3:\/\/my-bucket/m);
    expect(stdout).toMatch(/^Object +s3:\/\/lake\/docs\/README\.md$/m);
    expect(stdout).toMatch(/^Pages +1 of 1 cached/m);
    expect(stdout).not.toContain(keys!.secret);
  });

  it('dashboard, metrics and health are where it says', async () => {
    const pair = Buffer.from(`${keys!.access}:${keys!.secret}`).toString('base64');
    const status = async (path: string, headers = {}) =>
      (await fetch(`http://127.0.0.1:9001${path}`, { headers })).status;
    expect(await status('/')).toBe(200);
    expect(await status('/healthz')).toBe(200);
    expect(await status('/readyz')).toBe(200);
    expect(await status('/metrics')).toBe(401);
    expect(await status('/metrics', { authorization: `Basic ${pair}` })).toBe(200);
  });

  it('leaves its data in one directory, links to nothing that is not there, and Ctrl-C stops it', async () => {
    expect(await running!.interrupt()).toEqual({
      code: 130,
      lastWords: expect.stringContaining('"msg":"stopped"'),
    });
    for (const port of ports) expect(await isPortOpen(port)).toBe(false);
    expect(existsSync(join(directory, 'forebay-data/root-credentials.json'))).toBe(true);
    const links = [...readmeText().matchAll(/\]\(([^):]+)\)/g)].map(([, link]) => link!);
    const missing = links.filter((link) => !existsSync(join(directory, link)));
    expect(missing).toEqual([]);
  });
});

/** A command in a terminal of its own: a process group, so that Ctrl-C reaches all of it. */
class Background {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number>;
  #isRunning = true;
  #stdout = '';
  #stderr = '';

  constructor(code: string, options: { cwd: string; env: Record<string, string> }) {
    this.#child = spawn('sh', ['-eu', '-c', code], {
      ...options,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const takeBack = atEnd(() => this.#signal('SIGKILL'));
    this.#child.stdout!.on('data', (bytes: Buffer) => {
      this.#stdout += bytes.toString();
    });
    this.#child.stderr!.on('data', (bytes: Buffer) => {
      this.#stderr += bytes.toString();
    });
    this.#ended = once(this.#child, 'close').then((end) => {
      const [code, signal] = end as [number | null, NodeJS.Signals | null];
      this.#isRunning = false;
      takeBack();
      return code ?? 128 + constants.signals[signal!];
    });
  }

  /** What it printed until it could serve. */
  async ready(): Promise<string> {
    await until(
      'npm start is ready',
      async () => {
        if (!this.#isRunning) throw new Error(`npm start ended:\n${this.#stdout}\n${this.#stderr}`);
        if (!this.#stdout.includes('Ctrl-C stops.')) return false;
        const answer = await fetch('http://127.0.0.1:9001/readyz').catch(() => undefined);
        return answer?.status === 200;
      },
      120_000,
    );
    return this.#stdout;
  }

  /** Ctrl-C. The exit code that the reader's shell would see, and the last that was said. */
  async interrupt(): Promise<{ code: number; lastWords: string | undefined }> {
    if (this.#isRunning) this.#signal('SIGINT');
    const code = await this.#ended;
    return { code, lastWords: this.#stderr.trimEnd().split('\n').at(-1) };
  }

  #signal(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.#child.pid!, signal);
    } catch {
      // Ended meanwhile.
    }
  }
}
