/** What is between Forebay and its UFS, or a client and the UFS: nothing, or a simulated distance. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { DistanceOptions } from 'forebay/demo/distance';
import type { Server } from './servers.ts';

export type Way = Omit<DistanceOptions, 'targetPort'>;

/** The UFS as it is seen from afar: the pid is the proxy's. */
export async function startDistance(stack: AsyncDisposableStack, ufs: Server, way: Way): Promise<Server> {
  const options: DistanceOptions = { ...way, targetPort: Number(new URL(ufs.endpoint).port) };
  const child = fork(join(import.meta.dirname, 'distance-process.ts'), [JSON.stringify(options)]);
  stack.defer(() => void child.kill());
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return { ...ufs, endpoint: `http://127.0.0.1:${port}`, pid: child.pid! };
}
