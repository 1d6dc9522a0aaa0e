/**
 * `npm run loadtest -- SCENARIO [--quick]`: starts what a scenario of loadtest/ needs (versitygw where Go is
 * there, and Forebay before it), runs it with k6, and says where its report is. Ends with k6's exit code.
 */
import { spawn } from 'node:child_process';
import { on, once } from 'node:events';
import { mkdirSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { processTree } from 'forebay/bench/process-cpu';
import { type ForebayProcess, s3Mount, startForebay } from '../support/forebay-process.ts';
import { startVersitygw } from '../support/servers.ts';
import { tool } from '../support/tools.ts';

const loadtest = resolve(import.meta.dirname, '../../loadtest');
const scenarios = readdirSync(join(loadtest, 'scenarios')).map((file) => file.replace(/\.ts$/, ''));
const usage = `Usage: npm run loadtest -- SCENARIO [--quick] [--kill server|worker]

Scenarios: ${scenarios.join(', ')}, or all

  --quick         a few seconds, small objects
  --kill WHAT     what node-loss kills: the server, or one of its worker processes (server)
`;
const quick = { LOADTEST_SECONDS: '6', LOADTEST_OBJECTS: '32', LOADTEST_OBJECT_BYTES: String(128 * 1024) };
/** Less than the objects of a soak take. */
const soakCache = { full: '48MiB', quick: '3MiB' };

interface Flags {
  readonly names: readonly string[];
  readonly quick: boolean;
  readonly kill: string;
}

const flags = flagsOf(process.argv.slice(2));
if (typeof flags === 'string') {
  process.stderr.write(flags);
  process.exit(2);
}
let worst = 0;
for (const name of flags.names) worst = Math.max(worst, await runScenario(name, flags));
process.exit(worst);

/** Or what is wrong with them. */
function flagsOf(args: readonly string[]): Flags | string {
  const options = {
    quick: { type: 'boolean' },
    kill: { type: 'string' },
    help: { type: 'boolean' },
  } as const;
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const [name = '', ...more] = positionals;
    const { kill = 'server' } = values;
    const known = name === 'all' || scenarios.includes(name);
    if (values.help || more.length > 0 || !known || !/^(server|worker)$/.test(kill)) return usage;
    return { names: name === 'all' ? scenarios : [name], quick: values.quick === true, kill };
  } catch (error) {
    return `${(error as Error).message}\n\n${usage}`;
  }
}

async function runScenario(name: string, { quick: isQuick, kill }: Flags): Promise<number> {
  const soak = name === 'soak' ? ['--cache-size', isQuick ? soakCache.quick : soakCache.full] : [];
  const workers = name === 'node-loss' && kill === 'worker' ? ['--workers', '2'] : [];
  const { forebay, bucket, stop } = await startTarget([...soak, ...workers]);
  const results = join(loadtest, 'results');
  mkdirSync(results, { recursive: true });
  const stamp = new Date().toISOString().replace(/\D/g, '').slice(0, 14);
  const report = join(results, `${name}-${stamp}`);
  try {
    const k6 = spawn('sh', [join(loadtest, 'run.sh'), name, '--quiet'], {
      stdio: ['inherit', 'inherit', 'pipe'],
      env: {
        ...process.env,
        ...(isQuick && quick),
        ...(isQuick && name === 'hot-key' && { LOADTEST_OBJECTS: '1' }),
        ...(isQuick && name === 'ranges' && { LOADTEST_OBJECTS: '2', LOADTEST_OBJECT_BYTES: '4194304' }),
        ...(isQuick && name === 'small-files' && { LOADTEST_OBJECTS: '200', LOADTEST_OBJECT_BYTES: '4096' }),
        FOREBAY_ENDPOINT: forebay.endpoint,
        FOREBAY_ACCESS_KEY: forebay.accessKey,
        FOREBAY_SECRET_KEY: forebay.secretKey,
        FOREBAY_BUCKET: bucket,
        LOADTEST_REPORT: report,
      },
    });
    const ended = once(k6, 'exit').then(([code]) => (code as number | null) ?? 1);
    k6.stderr.pipe(process.stderr);
    if (name === 'node-loss') {
      await Promise.race([untilSetUp(k6.stderr), ended]);
      await losses(forebay, { kill, everyMs: isQuick ? 2000 : 5000, until: ended });
    }
    const code = await ended;
    process.stdout.write(`${name}: report in ${report}.html and ${report}.json\n`);
    return code;
  } finally {
    await stop();
  }
}

interface Target {
  readonly forebay: ForebayProcess;
  readonly bucket: string;
  stop(): Promise<void>;
}

async function startTarget(flags: readonly string[]): Promise<Target> {
  if ('missing' in (await tool('versitygw'))) {
    const forebay = await startForebay({ flags });
    return { forebay, bucket: 'local', stop: () => forebay.remove() };
  }
  const ufs = await startVersitygw();
  await ufs.createBucket('lake');
  const { mount, env } = s3Mount('/lake', ufs, 'lake');
  const forebay = await startForebay({ mounts: [mount], env, flags });
  const stop = async () => {
    await forebay.remove();
    await ufs.stop();
  };
  return { forebay, bucket: 'lake', stop };
}

async function untilSetUp(output: Readable): Promise<void> {
  for await (const [piece] of on(output, 'data') as AsyncIterable<[Buffer]>) {
    if (piece.includes('set up')) return;
  }
}

interface Losses {
  readonly kill: string;
  readonly everyMs: number;
  readonly until: Promise<unknown>;
}

/** Kills it again and again, as long as it is read. A worker is brought back by its server. */
async function losses(forebay: ForebayProcess, { kill, everyMs, until }: Losses): Promise<void> {
  let over = false;
  void until.then(() => {
    over = true;
  });
  for (;;) {
    await Promise.race([wait(everyMs), until]);
    if (over) return;
    if (kill === 'worker') {
      const [, worker] = processTree(forebay.pid);
      if (worker === undefined) throw new Error('this server has no worker processes');
      process.kill(worker, 'SIGKILL');
    } else {
      await forebay.kill9();
      await forebay.restart();
    }
    process.stdout.write(`killed the ${kill}, and it is back\n`);
  }
}
