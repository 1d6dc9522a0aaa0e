import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { diagnose } from './diagnose.ts';
import type { Finding } from './finding.ts';

let directory: string;
let servers: Server[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'forebay-doctor-'));
  servers = [];
});
afterEach(() => {
  for (const server of servers) server.close();
  rmSync(directory, { recursive: true });
});

type Flags = Record<string, string | readonly string[]>;
const keys = { UFS_ACCESS_KEY_ID: 'AK', UFS_SECRET_ACCESS_KEY: 'SK' };

/** What is not as it should be. */
async function findingsOf(flags: Flags = {}, env: Record<string, string> = keys): Promise<Finding[]> {
  const ports = { port: '0', adminPort: '0', cacheSize: '64MiB', memorySize: '1MiB' };
  const all = { dataDir: join(directory, 'data'), ...ports, ...flags };
  const heard: Finding[] = [];
  const found = await diagnose({ flags: all, env, nowMs: 0 }, (finding) => heard.push(finding));
  expect(heard).toEqual(found);
  // How fast the disk of this machine is, is nobody's matter here.
  return found.filter(
    ({ state, check }) => state === 'fail' || (state === 'warn' && !check.startsWith('disk ')),
  );
}

/** A store that answers each request so. */
async function store(status: number, code = '', headers: Record<string, string> = {}): Promise<string> {
  const body = status === 200 ? listing : `<Error><Code>${code}</Code><Message>told so</Message></Error>`;
  const server = createServer((_, response) => {
    response.writeHead(status, { 'content-type': 'application/xml', ...headers }).end(body);
  }).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return mountAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}
const listing = '<ListBucketResult><Name>lake</Name><IsTruncated>false</IsTruncated></ListBucketResult>';
const mountAt = (endpoint: string) => `/lake=s3://lake?endpoint=${endpoint}&credentials=env:UFS`;

async function takenPort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return String((server.address() as AddressInfo).port);
}

it('finds nothing wrong with a set-up that works', async () => {
  expect(await findingsOf({ mount: [await store(200)] })).toEqual([]);
});

describe('finds, and says how to mend,', () => {
  const only = async (flags: Flags, env?: Record<string, string>) => {
    const findings = await findingsOf(flags, env);
    expect(findings).toHaveLength(1);
    expect(findings[0]!.fix).toBeTruthy();
    return findings[0]!;
  };

  it('a mistake in the config file, by its line', async () => {
    const config = join(directory, 'forebay.yaml');
    writeFileSync(config, 'port: 0\npagesize: 1MiB\n');
    expect((await only({ config })).message).toContain('forebay.yaml line 2: unknown key "pagesize"');
  });

  it('half of a key pair', async () => {
    const { message } = await only({}, { FOREBAY_ACCESS_KEY: 'AKROOT' });
    expect(message).toContain('go together');
  });

  it('a misspelt variable', async () => {
    expect(await only({}, { FOREBAY_PAGE_SIZ: '1' })).toMatchObject({ state: 'warn', check: 'config' });
  });

  it('a port that is taken', async () => {
    const port = await takenPort();
    expect(await only({ port })).toMatchObject({ check: `port ${port}`, fix: 'choose another with --port' });
  });

  it('an admin port that is taken', async () => {
    const adminPort = await takenPort();
    expect((await only({ adminPort })).fix).toContain('--admin-port');
  });

  it('a data directory that cannot be made', async () => {
    writeFileSync(join(directory, 'file'), '');
    const finding = await only({ dataDir: join(directory, 'file', 'data') });
    expect(finding).toMatchObject({ state: 'fail', check: 'data directory' });
  });

  it('kept keys that are damaged', async () => {
    mkdirSync(join(directory, 'data'));
    writeFileSync(join(directory, 'data', 'root-credentials.json'), '{}');
    expect(await only({})).toMatchObject({ check: 'root user', fix: 'remove it to have a new pair made' });
  });

  it('a cache larger than its disk', async () => {
    const finding = await only({ cacheSize: '4096TiB' });
    expect(finding).toMatchObject({ state: 'fail', fix: expect.stringContaining('--cache-size') });
  });

  it('a cache directory that cannot be made', async () => {
    writeFileSync(join(directory, 'file'), '');
    const finding = await only({ cacheDir: [`${join(directory, 'file', 'pages')}=64MiB`] });
    expect(finding.fix).toContain('--cache-dir');
  });

  it('more memory than there is', async () => {
    expect((await only({ memorySize: '1000TiB' })).fix).toContain('--memory-size');
  });

  it('a mount of a directory that is not there', async () => {
    const finding = await only({ mount: [`/data=file://${directory}/none`] });
    expect(finding).toMatchObject({ check: 'mount /data', fix: expect.stringContaining('mkdir') });
  });

  it('a store that does not answer', async () => {
    const port = await takenPort();
    servers.pop()!.close();
    const finding = await only({ mount: [mountAt(`http://127.0.0.1:${port}`)] });
    expect(finding.message).toContain('ECONNREFUSED');
    expect(finding.fix).toContain('endpoint=');
  });

  it('credentials that are not set', async () => {
    const finding = await only({ mount: [await store(200)] }, {});
    expect(finding.message).toContain('UFS_ACCESS_KEY_ID');
  });

  it.each([
    [404, 'NoSuchBucket', 'make the bucket'],
    [403, 'AccessDenied', 's3:ListBucket'],
    [403, 'InvalidAccessKeyId', 'access key'],
    [403, 'SignatureDoesNotMatch', 'secret key'],
    [400, 'AuthorizationHeaderMalformed', 'region='],
  ])('a store that answers %i %s', async (status, code, fix) => {
    expect((await only({ mount: [await store(status, code)] })).fix).toContain(fix);
  });

  it('clocks that are apart', async () => {
    const date = new Date(Date.now() - 3_600_000).toUTCString();
    const finding = await only({ mount: [await store(200, '', { date })] });
    expect(finding.fix).toContain('NTP');
  });
});
