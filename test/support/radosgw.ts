/**
 * One radosgw on one monitor and one in-memory store, as three plain processes in a temporary directory: no
 * systemd, no root, no authentication between the parts. It stores any key S3 allows.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MiB } from '@forebay/core/bytes';
import { freePort, isPortOpen, mustRun, type ServerProcess, startProcess, untilReady } from './process.ts';
import { tempDir } from './temp.ts';
import { toolPath } from './tools.ts';

const libraryFolder = 'usr/lib/x86_64-linux-gnu';

export interface RadosgwOptions {
  readonly accessKey: string;
  readonly secretKey: string;
  /** The least size of a part that is not the last; S3's own 5 MiB otherwise. */
  readonly partBytesMin?: number | undefined;
}

export interface Radosgw {
  readonly port: number;
  /** The gateway first: the store must not go before it. */
  readonly processes: readonly ServerProcess[];
}

/** Starts the cluster and a user. About 12 s, most of it the creation of the gateway's pools. */
export async function startRadosgw(options: RadosgwOptions): Promise<Radosgw> {
  const root = await toolPath('radosgw');
  const directory = tempDir('radosgw');
  const [monitorPort, port] = await Promise.all([freePort(), freePort()]);
  const id = randomUUID();
  writeFileSync(
    join(directory, 'ceph.conf'),
    configuration({ ...options, root, directory, id, monitorPort, port }),
  );
  const cluster = new Cluster(root, directory);
  await cluster.make(id, monitorPort);
  const monitor = cluster.start('ceph-mon', ['-i', 'a', '-f']);
  await untilReady(monitor, () => isPortOpen(monitorPort));
  await cluster.run('ceph-osd', ['-i', '0', '--mkfs', '--osd-uuid', randomUUID()]);
  const store = cluster.start('ceph-osd', ['-i', '0', '-f']);
  const keys = [`--access-key=${options.accessKey}`, `--secret-key=${options.secretKey}`];
  const user = ['user', 'create', '--uid=test', '--display-name=test', ...keys];
  await cluster.run('radosgw-admin', ['-n', 'client.admin', ...user]);
  const gateway = cluster.start('radosgw', ['-n', 'client.admin', '-f']);
  await untilReady(gateway, () => isPortOpen(port));
  return { port, processes: [gateway, store, monitor] };
}

class Cluster {
  readonly #root: string;
  readonly #directory: string;
  readonly #env: NodeJS.ProcessEnv;

  constructor(root: string, directory: string) {
    this.#root = root;
    this.#directory = directory;
    const folders = [libraryFolder, `${libraryFolder}/ceph`, 'lib/x86_64-linux-gnu'];
    this.#env = { ...process.env, LD_LIBRARY_PATH: folders.map((folder) => join(root, folder)).join(':') };
  }

  run(program: string, args: readonly string[]): Promise<string> {
    const all = ['-c', 'ceph.conf', ...args];
    return mustRun(this.#path(program), all, { cwd: this.#directory, env: this.#env, timeoutMs: 60_000 });
  }

  start(program: string, args: readonly string[]): ServerProcess {
    const all = ['-c', 'ceph.conf', ...args];
    return startProcess(this.#path(program), all, { cwd: this.#directory, env: this.#env });
  }

  /** The first maps hold the monitor and the store already, so that no command has to introduce them. */
  async make(id: string, monitorPort: number): Promise<void> {
    for (const folder of ['mon', 'osd']) mkdirSync(join(this.#directory, folder));
    const address = `[v1:127.0.0.1:${monitorPort}]`;
    await this.run('monmaptool', ['--create', '--addv', 'a', address, '--fsid', id, 'monmap']);
    await this.run('osdmaptool', ['--createsimple', '1', 'osdmap']);
    const admin = ['--gen-key', '-n', 'client.admin', '--cap', 'mon', 'allow *', '--cap', 'osd', 'allow *'];
    await this.run('ceph-authtool', ['--create-keyring', 'keyring', ...admin]);
    await this.run('ceph-authtool', ['keyring', '--gen-key', '-n', 'mon.', '--cap', 'mon', 'allow *']);
    const maps = ['--monmap', 'monmap', '--osdmap', 'osdmap', '--keyring', 'keyring'];
    await this.run('ceph-mon', ['-i', 'a', '--mkfs', ...maps]);
  }

  #path(program: string): string {
    return join(this.#root, 'usr/bin', program);
  }
}

interface Places {
  readonly root: string;
  readonly directory: string;
  readonly id: string;
  readonly monitorPort: number;
  readonly port: number;
  readonly partBytesMin?: number | undefined;
}

/**
 * The store must not update the crush map at its start: the map has it already, and the command is refused
 * where it overtakes the monitor map ("wrong fsid"), which ends the store.
 */
function configuration({ root, directory, id, monitorPort, port, partBytesMin }: Places): string {
  const libraries = join(root, libraryFolder);
  if (!existsSync(join(libraries, 'rados-classes'))) throw new Error(`no rados classes in ${libraries}`);
  return `[global]
fsid = ${id}
mon host = [v1:127.0.0.1:${monitorPort}]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
run dir = ${directory}
keyring = ${directory}/keyring
mon data = ${directory}/mon
osd data = ${directory}/osd
plugin dir = ${libraries}/ceph
erasure code dir = ${libraries}/ceph/erasure-code
osd class dir = ${libraries}/rados-classes
admin socket =
pid file =
log file =
log to stderr = true
err to stderr = true
mon cluster log file =
mon data avail warn = 0
mon data avail crit = 0
mon allow pool size one = true
osd objectstore = memstore
memstore device bytes = 4294967296
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd pool default pg autoscale mode = off
osd crush chooseleaf type = 0
osd crush update on start = false
osd class update on start = false
debug rgw = 0
debug osd = 0
debug mon = 0
debug ms = 0
rgw frontends = beast endpoint=127.0.0.1:${port}
rgw run sync thread = false
rgw crypt require ssl = false
rgw multipart min part size = ${partBytesMin ?? 5 * MiB}
`;
}
