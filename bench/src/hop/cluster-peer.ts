/** A cluster as a peer: one gateway, so many cache nodes and a registry, in the roles as they are run. */
import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { freePort, untilReady } from '../../../test/support/process.ts';
import type { Peer } from '../peers/peer.ts';
import { bucket } from '../servers.ts';
import { startTogether } from './together.ts';

const mainFile = resolve(import.meta.dirname, '../../../cli/src/main.ts');

/** The registry lets nobody answer from what is known before one lease is over. */
const startMsMax = 60_000;

export function clusterPeer(nodeCount: number): Peer {
  return {
    name: `cluster-${nodeCount}`,
    isCache: true,
    isS3: true,
    async start(stack, { directory, ufs }) {
      const keys = { accessKey: 'BENCHFOREBAYKEY', secretKey: randomBytes(24).toString('hex') };
      const [registryPort, gatewayPort, gatewayAdminPort] = [
        await freePort(),
        await freePort(),
        await freePort(),
      ];
      const registry = `http://127.0.0.1:${registryPort}`;
      const env = {
        FOREBAY_CLUSTER_SECRET: randomBytes(24).toString('hex'),
        FOREBAY_ACCESS_KEY: keys.accessKey,
        FOREBAY_SECRET_KEY: keys.secretKey,
        FOREBAY_LOG_LEVEL: 'error',
        BENCH_ACCESS_KEY_ID: ufs.accessKey,
        BENCH_SECRET_ACCESS_KEY: ufs.secretKey,
      };
      const role = (name: string, place: string, args: readonly string[]) => ({
        command: process.execPath,
        args: [mainFile, name, '--data-dir', join(directory, place), ...args],
        env,
      });
      const mount = `/${bucket}=s3://${bucket}?endpoint=${ufs.endpoint}&credentials=env:BENCH&ttl=1h`;
      const programs = [
        role('registry', 'registry', ['--admin-port', String(registryPort), '--mount', mount]),
      ];
      for (let number = 1; number <= nodeCount; number += 1) {
        const ports = ['--port', String(await freePort()), '--admin-port', String(await freePort())];
        programs.push(role('cache-node', `node-${number}`, ['--registry', registry, ...ports]));
      }
      const ports = ['--port', String(gatewayPort), '--admin-port', String(gatewayAdminPort)];
      programs.push(role('gateway', 'gateway', ['--registry', registry, ...ports]));
      const together = startTogether(stack, programs);
      const isReady = () => hasNodes(registry, { ...keys, count: nodeCount });
      await untilReady(together, isReady, startMsMax);
      const title = `gateway, ${nodeCount} cache ${nodeCount === 1 ? 'node' : 'nodes'}`;
      const endpoint = `http://127.0.0.1:${gatewayPort}`;
      return { title, target: { endpoint, ...keys }, pid: together.pid };
    },
  };
}

interface WantedNodes {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly count: number;
}

/** Whether so many nodes are members, and the gateway is there. */
async function hasNodes(registry: string, { accessKey, secretKey, count }: WantedNodes): Promise<boolean> {
  const authorization = `Basic ${Buffer.from(`${accessKey}:${secretKey}`).toString('base64')}`;
  try {
    const answer = await fetch(`${registry}/api/v1/nodes`, { headers: { authorization } });
    const nodes = answer.ok ? ((await answer.json()) as { role: string; state: string }[]) : [];
    const isThere = (role: string) =>
      nodes.filter((node) => node.role === role && node.state === 'active').length;
    return isThere('cache-node') === count && isThere('gateway') === 1;
  } catch {
    return false;
  }
}
