/** The bucket behind a cluster that is tried out. */
import { startFaultProxy } from '../support/cluster/fault-proxy.ts';
import { startMemoryS3 } from '../support/memory-s3.ts';
import type { Environment } from '../support/process.ts';
import { type S3Endpoint, startVersitygw } from '../support/servers.ts';

export interface ClusterUfs {
  /** As a mount takes it. */
  readonly uri: string;
  readonly env: Environment;
  stop(): Promise<void>;
}

/** @param host where the processes of the cluster reach this machine */
export async function startUfs(kind: string, host: string): Promise<ClusterUfs> {
  if (kind.includes('://')) {
    const ofStores = /^AWS_|_ACCESS_KEY(_ID)?$|_SESSION_TOKEN$/;
    const inherited = Object.entries(process.env).filter(
      ([name]) => ofStores.test(name) && !name.startsWith('FOREBAY_'),
    );
    return { uri: kind, env: Object.fromEntries(inherited), stop: async () => undefined };
  }
  if (kind === 'memory') {
    const server = await startMemoryS3({ host });
    return ufsOf(server, server.endpoint, () => server.stop());
  }
  if (kind !== 'versitygw') throw new Error(`--ufs is memory, versitygw or a URI, not ${kind}`);
  const server = await startVersitygw();
  await server.createBucket('lake');
  const { hostname, port } = new URL(server.endpoint);
  const proxy = await startFaultProxy({ host: hostname, port: Number(port) }, host);
  return ufsOf(server, `http://${host}:${proxy.port}`, async () => {
    await proxy.stop();
    await server.stop();
  });
}

function ufsOf(server: S3Endpoint, endpoint: string, stop: () => Promise<void>): ClusterUfs {
  return {
    uri: `s3://lake?endpoint=${endpoint}&region=us-east-1&pathStyle=true&credentials=env:UFS`,
    env: { UFS_ACCESS_KEY_ID: server.accessKey, UFS_SECRET_ACCESS_KEY: server.secretKey },
    stop,
  };
}
