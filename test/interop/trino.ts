/** One Trino server with the Hive connector: a metastore of files in the bucket, and its own S3 client. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, mustRun, startProcess, untilReady } from '../support/process.ts';
import type { S3Endpoint } from '../support/servers.ts';
import { toolPath } from '../support/tools.ts';

export interface Trino {
  readonly version: string;
  /** The rows of one statement. @throws Error with what Trino says is wrong */
  query(sql: string): Promise<unknown[][]>;
  stop(): Promise<void>;
}

interface Answer {
  readonly nextUri?: string;
  readonly data?: unknown[][];
  readonly error?: { readonly message: string };
}

/** `metastore`: `s3://BUCKET/FOLDER`. About a minute on two cores. */
export async function startTrino(server: S3Endpoint, home: string, metastore: string): Promise<Trino> {
  const root = await toolPath('trino');
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  configure({ home, root, port, endpoint, server, metastore });
  const program = await toolPath('java24');
  // Faster with it, and the Java of PyPI does not have it.
  const vector = 'jdk.incubator.vector';
  const hasVector = (await mustRun(program, ['--list-modules'])).includes(vector);
  const modules = [...(hasVector ? ['--add-modules', vector] : []), '--enable-native-access=ALL-UNNAMED'];
  const java = ['-Xmx2G', '-XX:+UseG1GC', '-XX:+ExitOnOutOfMemoryError', ...modules];
  const config = [`-Dconfig=${home}/etc/config.properties`, `-Dlog.levels-file=${home}/etc/log.properties`];
  const node = ['-Dnode.environment=test', `-Dnode.data-dir=${home}/data`];
  const args = [...java, ...node, ...config, '-cp', `${root}/lib/*`, 'io.trino.server.TrinoServer'];
  const child = startProcess(program, args, { cwd: home });
  let version = '';
  await untilReady(
    child,
    async () => {
      const info = await infoOf(endpoint);
      version = info?.version ?? '';
      return info !== undefined && !info.starting;
    },
    300_000,
  );
  return {
    version,
    query: (sql) => query(endpoint, sql),
    stop: async () => void (await child.stop('SIGKILL')),
  };
}

interface Places {
  readonly home: string;
  readonly root: string;
  readonly port: number;
  readonly endpoint: string;
  readonly server: S3Endpoint;
  readonly metastore: string;
}

function configure({ home, root, port, endpoint, server, metastore }: Places): void {
  mkdirSync(join(home, 'etc/catalog'), { recursive: true });
  const write = (name: string, settings: Readonly<Record<string, string>>) => {
    const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}\n`);
    writeFileSync(join(home, 'etc', name), lines.join(''));
  };
  write('log.properties', { 'io.trino': 'WARN' });
  write('config.properties', {
    coordinator: 'true',
    'node-scheduler.include-coordinator': 'true',
    'http-server.http.port': String(port),
    'discovery.uri': endpoint,
    'plugin.dir': join(root, 'plugin'),
    'catalog.config-dir': join(home, 'etc/catalog'),
  });
  write('catalog/lake.properties', {
    'connector.name': 'hive',
    'hive.metastore': 'file',
    'hive.metastore.catalog.dir': metastore,
    'fs.native-s3.enabled': 'true',
    's3.endpoint': server.endpoint,
    's3.region': 'us-east-1',
    's3.path-style-access': 'true',
    's3.aws-access-key': server.accessKey,
    's3.aws-secret-key': server.secretKey,
  });
}

async function infoOf(endpoint: string): Promise<{ starting: boolean; version: string } | undefined> {
  try {
    const answer = await fetch(`${endpoint}/v1/info`);
    if (!answer.ok) return undefined;
    const info = (await answer.json()) as { starting: boolean; nodeVersion: { version: string } };
    return { starting: info.starting, version: info.nodeVersion.version };
  } catch {
    return undefined;
  }
}

/** Trino answers page by page; asking for the next one waits until it is there. */
async function query(endpoint: string, sql: string): Promise<unknown[][]> {
  const headers = { 'X-Trino-User': 'test', 'X-Trino-Catalog': 'lake', 'X-Trino-Schema': 'lake' };
  let answer = await fetch(`${endpoint}/v1/statement`, { method: 'POST', body: sql, headers });
  const rows: unknown[][] = [];
  for (;;) {
    if (!answer.ok) throw new Error(`Trino answers ${answer.status}: ${await answer.text()}`);
    const page = (await answer.json()) as Answer;
    if (page.error) throw new Error(`${sql.slice(0, 100)}: ${page.error.message}`);
    rows.push(...(page.data ?? []));
    if (page.nextUri === undefined) return rows;
    answer = await fetch(page.nextUri, { headers });
  }
}
