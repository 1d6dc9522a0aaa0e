/**
 * `npm run cluster`: a cluster of real processes on this machine, for trying things out. Prints how to use
 * it, takes commands that break and mend it from its input, and stops everything at Ctrl-C.
 */
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Cluster, clusterKeys } from '../support/cluster/cluster.ts';
import { type NetworkKind, openNetwork } from '../support/cluster/network.ts';
import { startRedis } from '../support/redis.ts';
import { runCommand } from './commands.ts';
import { startUfs } from './ufs.ts';

const usage = `usage: npm run cluster -- [FLAGS]

  --nodes N         cache nodes (3)
  --gateways N      gateways (2)
  --registries N    registries; more than one needs --redis (1)
  --redis           a Redis for the registries (Debian's, unpacked into the cache of the test tools)
  --ufs UFS         memory: an S3 server in the memory of this process (the default);
                    versitygw: one over a directory; or the URI of a real bucket, s3://bucket?endpoint=...
                    with credentials=env:NAME, which the processes inherit
  --network KIND    proxies: all on loopback ports (the default); namespaces: each process in a network
                    namespace of its own (root)
  --keep            leave the data directories when it ends

While it runs, its input takes: status, kill NAME, pause NAME, resume NAME, start NAME, isolate NAME,
cut NAME NAME, heal, add, log NAME.
`;

const { values } = parseArgs({
  options: {
    nodes: { type: 'string', default: '3' },
    gateways: { type: 'string', default: '2' },
    registries: { type: 'string', default: '1' },
    redis: { type: 'boolean', default: false },
    ufs: { type: 'string', default: 'memory' },
    network: { type: 'string', default: 'proxies' },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const [nodes = 0, gateways = 0, registries = 0] = [values.nodes, values.gateways, values.registries].map(
  Number,
);
const isUsable =
  [nodes, gateways, registries].every((count) => Number.isInteger(count) && count > 0) &&
  (registries === 1 || values.redis) &&
  ['proxies', 'namespaces'].includes(values.network);
if (values.help || !isUsable) {
  (values.help ? process.stdout : process.stderr).write(usage);
  process.exit(values.help ? 0 : 2);
}

const say = (text: string) => process.stdout.write(`${text}\n`);
const undo: (() => Promise<unknown>)[] = [];
let ending: Promise<void> | undefined;

function end(): Promise<void> {
  ending ??= (async () => {
    say('stopping');
    for (const one of undo.reverse()) await one();
  })();
  return ending;
}

/** Until here a signal kills what was started; from now on it stops it in good order, the second one not. */
function endBySignal(): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.removeAllListeners(signal);
    process.on(signal, () => {
      if (ending) process.exit(130);
      void end().then(() => process.exit(0));
    });
  }
}

try {
  await start();
} catch (error) {
  process.stderr.write(`cluster: ${error instanceof Error ? error.message : error}\n`);
  await end();
  process.exit(1);
}

async function start(): Promise<void> {
  const network = openNetwork(values.network as NetworkKind);
  const ufs = await startUfs(values.ufs, network.host);
  undo.push(() => ufs.stop());
  const redis = values.redis ? await startRedis(network.host) : undefined;
  if (redis) undo.push(() => redis.stop());
  const startedAtMs = performance.now();
  const cluster = await Cluster.start({
    ...{ nodes, gateways, registries, network, redisUrl: redis?.url, onProgress: say },
    mounts: [{ path: '/lake', ufs: ufs.uri }],
    env: ufs.env,
    directory: values.keep ? mkdtempSync(join(tmpdir(), 'forebay-cluster-')) : undefined,
  });
  undo.push(() => cluster.stop());
  const seconds = ((performance.now() - startedAtMs) / 1000).toFixed(1);
  say(`\n${cluster.members.length} processes in ${seconds} s, ${network.kind}; UFS: ${ufs.uri}`);
  say(helpOf(cluster));
  endBySignal();
  const input = createInterface({ input: process.stdin });
  const heals: (() => void)[] = [];
  input.on('line', (line) => {
    void runCommand(cluster, line.trim().split(/\s+/), heals).then(say, (error: Error) => say(error.message));
  });
}

function helpOf(cluster: Cluster): string {
  const lines = cluster.members.map(({ name, address, adminUrl }) => {
    const s3 = name.startsWith('gateway') ? `S3 http://${address}  ` : '';
    return `  ${name.padEnd(14)}${s3}admin ${adminUrl}`;
  });
  const endpoint = `http://${cluster.gateways[0]!.address}`;
  const admin = cluster.registries[0]!.adminUrl;
  return [
    ...lines,
    `  data in ${cluster.directory}`,
    '',
    `  export AWS_ACCESS_KEY_ID=${clusterKeys.accessKey} AWS_SECRET_ACCESS_KEY=${clusterKeys.secretKey}`,
    `  export FOREBAY_ACCESS_KEY=${clusterKeys.accessKey} FOREBAY_SECRET_KEY=${clusterKeys.secretKey}`,
    `  aws --endpoint-url ${endpoint} s3 cp README.md s3://lake/`,
    `  npx forebay nodes --admin ${admin}`,
    '',
    'Commands: status, kill NAME, pause NAME, resume NAME, start NAME, isolate NAME, cut NAME NAME, heal,',
    'add, log NAME. Ctrl-C stops all.',
  ].join('\n');
}
