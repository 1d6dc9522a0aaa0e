/** The command line as a user meets it: real processes, their output and their exit codes. */
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import manifest from '../../cli/package.json' with { type: 'json' };
import { type ForebayProcess, startForebay } from '../support/forebay-process.ts';
import { freePort, type RunResult, run, startProcess, untilReady } from '../support/process.ts';
import { tempDir } from '../support/temp.ts';
import { until } from '../support/until.ts';

const program = resolve(import.meta.dirname, '../../cli/bin/forebay.js');
const bareEnv = { PATH: process.env.PATH, HOME: process.env.HOME };
const home = tempDir('cli');

function forebay(args: readonly string[], env: Record<string, string> = {}): Promise<RunResult> {
  return run(process.execPath, [program, ...args], { cwd: home, env: { ...bareEnv, ...env } });
}

/** One line that names the program, and nothing a developer would print. */
function expectOneLine(result: RunResult): void {
  expect(result.stderr).toMatch(/^forebay: [^\n]+\n$/);
  expect(result.stderr).not.toMatch(/\bat .*:\d+:\d+/);
  expect(result.stdout).toBe('');
}

describe('help and usage', () => {
  const commands = [
    'serve',
    'demo',
    'status',
    'mounts',
    'mount',
    'umount',
    'stat',
    'explain',
    'free',
    'pin',
    'unpin',
    'pins',
    'users',
    'bench',
    'load',
    'verify',
    'copy',
    'jobs',
    'job',
    'config',
    'doctor',
    'completion',
  ];

  it('lists every command, and has examples for each', async () => {
    const { code, stdout } = await forebay(['--help']);
    expect(code).toBe(0);
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command}\\b`, 'm'));
    for (const command of commands) {
      const help = await forebay([command, '--help']);
      expect(help.code, command).toBe(0);
      expect(help.stdout, command).toMatch(new RegExp(`Examples:\\n  forebay ${command}`));
    }
  });

  it('prints its version', async () => {
    expect(await forebay(['--version'])).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' });
  });

  it.each([
    [['srve'], 'unknown command'],
    [['serve', '--prot', '1'], 'unknown option'],
    [['serve', '--port', 'x'], '--port: "x" is not allowed; allowed is a whole number up to 65535'],
    [['serve', '--workers', 'many'], 'a whole number up to 256'],
    [['serve', '--tls-cert', 'x'], '--tls-cert is not available in this version'],
    [['serve', '--mount', '/lake=gcs://lake'], 'mount /lake: gcs:// is not available in this version'],
    [['serve', '--config', 'none.yaml'], 'cannot read none.yaml'],
    [['stat', 'lake/key'], 's3://bucket/key'],
    [['stat'], 'missing required argument'],
    [['status', 'extra'], 'too many arguments'],
    [['status', '--admin', 'ftp://x'], '--admin'],
    [['cache-node'], '--registry is needed'],
    [['load'], 'name the keys'],
  ])('exits 2 with one clear line: %j', async (args, message) => {
    const result = await forebay(args);
    expect(result.code).toBe(2);
    expectOneLine(result);
    expect(result.stderr).toContain(message);
  });

  it('tells file and line of a mistake in a config file', async () => {
    writeFileSync(join(home, 'bad.yaml'), 'port: 0\npagesize: 1MiB\n');
    const result = await forebay(['serve', '--config', 'bad.yaml']);
    expect(result.code).toBe(2);
    expectOneLine(result);
    expect(result.stderr).toContain('bad.yaml line 2: unknown key "pagesize"; did you mean "pageSize"?');
  });

  it('exits 1 with one clear line where nobody answers', async () => {
    const result = await forebay(['status', '--admin', `http://127.0.0.1:${await freePort()}`]);
    expect(result.code).toBe(1);
    expectOneLine(result);
    expect(result.stderr).toContain('nothing listens there; is forebay serve running?');
  });
});

describe('commands that talk to a running Forebay', () => {
  let running: ForebayProcess;
  const ask = (...args: string[]) =>
    forebay([...args, '--admin', running.admin, '--data-dir', running.dataDir]);
  const json = async (...args: string[]) => JSON.parse((await ask(...args, '--json')).stdout) as unknown;

  beforeAll(async () => {
    running = await startForebay({ rootKeys: false });
  });
  afterAll(() => running.remove());

  it('print tables for people and one JSON value for programs', async () => {
    expect((await ask('status')).stdout).toContain(`S3 endpoint  ${running.endpoint}`);
    expect(await json('status')).toMatchObject({ endpoint: running.endpoint, version: manifest.version });
    expect((await ask('mounts')).stdout).toMatch(/^PATH +UFS .*\n\/local +file:\/\//);
    expect(await json('mounts')).toMatchObject([{ path: '/local', origin: 'start', ttlMs: 60_000 }]);
  });

  it('change settings while it runs, over a restart, and take them back', async () => {
    expect((await ask('config', 'set', 'accessLog', 'on')).stdout).toBe('accessLog is on\n');
    await fetch(`${running.endpoint}/`);
    await until('the request is logged', () => running.log().includes('"msg":"request"'));
    await running.kill9();
    await running.restart();
    expect((await ask('config', 'get', 'accessLog')).stdout).toBe('on\n');
    expect(await json('config', 'set', 'accessLog')).toMatchObject({ value: 'off', origin: 'start' });
    expect(await json('config', 'history')).toMatchObject([{ from: 'on' }, { to: 'on' }]);
    const refused = await ask('config', 'set', 'port', '1');
    expect(refused.code).toBe(1);
    expectOneLine(refused);
    expect(refused.stderr).toContain('port takes a restart');
  });

  it('mount, find again after a kill, and unmount', async () => {
    const directory = join(home, 'data');
    mkdirSync(directory, { recursive: true });
    const { nodeId } = (await json('status')) as { nodeId: string };
    expect(await ask('mount', '/data', `file://${directory}?ttl=5s`)).toMatchObject({
      code: 0,
      stdout: 'mounted /data\n',
    });
    await running.kill9();
    await running.restart();
    expect(await json('mounts')).toMatchObject([{ path: '/data', ttlMs: 5000 }, { path: '/local' }]);
    expect(await json('status')).toMatchObject({ nodeId });
    expect(await json('umount', '/data')).toEqual({ path: '/data', backAtRestart: false });
    expect(await json('mounts')).toHaveLength(1);
  });

  it('stat an object of the namespace as clients see it', async () => {
    expect(await json('stat', 's3://local/a//../b')).toMatchObject({
      bucket: 'local',
      key: 'a//../b',
      mount: '/local',
      state: 'unknown',
      pages: { cached: 0 },
    });
    expect((await ask('stat', 's3://local/x')).stdout).toContain('nothing cached');
  });

  it.each([
    [['mount', '/local', 's3://other?credentials=anonymous'], '/local is mounted already'],
    [['mount', '/new', 'swift://x'], 'not available in this version'],
    [['umount', '/none'], 'nothing is mounted at /none'],
    [['stat', 's3://none/x'], 'no mount covers s3://none/x'],
  ])('fail with one clear line: %j', async (args, message) => {
    const result = await ask(...args);
    expect(result.code).toBe(1);
    expectOneLine(result);
    expect(result.stderr).toContain(message);
  });

  it('never mount the directory that holds the root key pair', async () => {
    const result = await ask('mount', '/steal', `file://${running.dataDir}`);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain('holds the data directory');
  });

  it('are refused without the right credentials', async () => {
    const env = { FOREBAY_ACCESS_KEY: 'SOMEONE', FOREBAY_SECRET_KEY: 'something-else' };
    const result = await forebay(['mounts', '--admin', running.admin], env);
    expect(result.code).toBe(1);
    expectOneLine(result);
    expect(result.stderr).toContain('does not accept these credentials');
    expect(result.stderr).not.toContain('something-else');
  });
});

/** `serve` with its streams apart: what people see, and the log. */
async function serveApart(args: readonly string[], env: Record<string, string> = {}) {
  const logPath = join(home, `serve-${performance.now()}.log`);
  const script = 'exec "$@" 2>"$LOG_PATH"';
  const server = startProcess('sh', ['-c', script, 'sh', process.execPath, program, 'serve', ...args], {
    cwd: home,
    env: { ...bareEnv, ...env, LOG_PATH: logPath },
  });
  await untilReady(server, async () => server.log().includes('Ctrl-C stops.'));
  return { server, stdout: () => server.log(), log: () => readFileSync(logPath, 'utf8') };
}

describe('serve', () => {
  const anyPorts = ['--port', '0', '--admin-port', '0'];

  it('makes a key pair at first start, shows it once, and never logs it', async () => {
    const dataDir = join(home, 'first');
    const flags = [...anyPorts, '--data-dir', dataDir, '--log-level', 'debug'];
    const first = await serveApart(flags);
    const { accessKey, secretKey } = JSON.parse(readFileSync(join(dataDir, 'root-credentials.json'), 'utf8'));
    expect(await first.server.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(first.stdout()).toContain(`AWS_ACCESS_KEY_ID=${accessKey} AWS_SECRET_ACCESS_KEY=${secretKey}`);
    expect(first.stdout()).not.toContain('\u001b[');
    expect(first.log()).not.toContain(secretKey);
    expect((statSync(dataDir).mode & 0o777).toString(8)).toBe('700');
    expect((statSync(join(dataDir, 'root-credentials.json')).mode & 0o777).toString(8)).toBe('600');

    const second = await serveApart(flags);
    expect(await second.server.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(second.stdout()).toContain(accessKey);
    expect(second.stdout()).toContain('root-credentials.json');
    expect(second.stdout() + second.log()).not.toContain(secretKey);
  });

  it('shows endpoint, mounts, dashboard and how to point clients at it', async () => {
    const flags = [...anyPorts, '--data-dir', join(home, 'shown'), '--cache-size', '3GiB'];
    const { server, stdout, log } = await serveApart(flags);
    await server.stop('SIGTERM');
    const endpoint = /S3 endpoint +(http:\/\/127\.0\.0\.1:\d+)\n/.exec(stdout())![1]!;
    for (const shown of [
      `aws --endpoint-url ${endpoint} s3 ls`,
      `endpoint_url='${endpoint}'`,
      'fs.s3a.endpoint',
    ]) {
      expect(stdout()).toContain(shown);
    }
    expect(stdout()).toMatch(/Dashboard +http:\/\/127\.0\.0\.1:\d+\//);
    expect(stdout()).toMatch(/\/local +file:\/\//);
    expect(stdout()).toContain('3 GiB on disk');
    const lines = log()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { msg: string });
    expect(lines.map(({ msg }) => msg)).toEqual(expect.arrayContaining(['ready', 'stopped']));
  });

  it('takes the root keys of the environment, keeps them nowhere and shows no secret', async () => {
    const dataDir = join(home, 'given');
    const env = { FOREBAY_ACCESS_KEY: 'GIVENKEY', FOREBAY_SECRET_KEY: 'given-secret-key' };
    const { server, stdout, log } = await serveApart([...anyPorts, '--data-dir', dataDir], env);
    await server.stop('SIGTERM');
    expect(stdout()).toContain('GIVENKEY');
    expect(stdout() + log()).not.toContain('given-secret-key');
    expect(existsSync(join(dataDir, 'root-credentials.json'))).toBe(false);
  });

  it('lets no second process into its data directory, and leaves no lock behind when killed', async () => {
    const running = await startForebay();
    const result = await forebay(['serve', ...anyPorts, '--data-dir', running.dataDir]);
    expect(result.code).toBe(1);
    expectOneLine(result);
    expect(result.stderr).toContain(`is in use by process ${running.pid}; choose another with --data-dir`);
    await running.kill9();
    await running.restart();
    await running.remove();
  });

  it('says which flag to change where a port is taken, and leaves nothing behind', async () => {
    const running = await startForebay();
    const dataDir = join(home, 'taken');
    const port = new URL(running.endpoint).port;
    const adminPort = new URL(running.admin).port;
    const s3 = await forebay(['serve', '--port', port, '--admin-port', '0', '--data-dir', dataDir]);
    expect(s3).toMatchObject({ code: 1, stdout: '' });
    expect(s3.stderr).toBe(`forebay: port ${port} on 127.0.0.1 is in use; choose another with --port\n`);
    const admin = await forebay(['serve', '--port', '0', '--admin-port', adminPort, '--data-dir', dataDir]);
    expect(admin.stderr).toBe(
      `forebay: port ${adminPort} on 127.0.0.1 is in use; choose another with --admin-port\n`,
    );
    const { server } = await serveApart([...anyPorts, '--data-dir', dataDir]);
    expect(await server.stop('SIGTERM')).toEqual({ code: 0, signal: null });
    await running.remove();
  });

  it('exits with 130 on Ctrl-C', async () => {
    const { server } = await serveApart([...anyPorts, '--data-dir', join(home, 'interrupted')]);
    expect(await server.stop('SIGINT')).toEqual({ code: 130, signal: null });
  });

  it('lets an answer under way end after SIGTERM, and takes no new connection', async () => {
    const directory = tempDir('drain');
    const sizeBytes = 48 * 1024 * 1024;
    writeFileSync(join(directory, 'large'), Buffer.alloc(sizeBytes, 7));
    const running = await startForebay({ mounts: [`/public=file://${directory}?anonymous=read`] });
    const [answer] = (await once(get(`${running.endpoint}/public/large`), 'response')) as [IncomingMessage];
    expect(answer.statusCode).toBe(200);
    const stopped = running.stop();
    await refusesConnections(running.endpoint);
    let receivedBytes = 0;
    for await (const piece of answer) receivedBytes += (piece as Buffer).length;
    expect(receivedBytes).toBe(sizeBytes);
    expect(await stopped).toBe(0);
    await running.remove();
  });

  it('cuts what has not ended within the drain timeout', async () => {
    const directory = tempDir('cut');
    writeFileSync(join(directory, 'large'), Buffer.alloc(48 * 1024 * 1024, 7));
    const mounts = [`/public=file://${directory}?anonymous=read`];
    const running = await startForebay({ mounts, flags: ['--drain-timeout', '200ms'] });
    const request = get(`${running.endpoint}/public/large`).on('error', () => undefined);
    const [answer] = (await once(request, 'response')) as [IncomingMessage];
    answer.on('error', () => undefined);
    expect(await running.stop()).toBe(0);
    await running.remove();
  });
});

async function refusesConnections(endpoint: string): Promise<void> {
  for (;;) {
    const outcome = await fetch(endpoint).then(
      () => 'answered',
      () => 'refused',
    );
    if (outcome === 'refused') return;
  }
}
