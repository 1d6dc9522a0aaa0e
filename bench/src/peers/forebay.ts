/** Forebay as a peer: one `forebay serve`. */
import { bucket, startForebay } from '../servers.ts';
import type { Peer } from './peer.ts';

/** @param isParallel false: all of its processes on one CPU, as a single one is. */
export function forebayPeer(name: string, workers: number, isParallel = workers > 1): Peer {
  return {
    name,
    isCache: true,
    isS3: true,
    isParallel,
    async start(stack, { directory, ufs }) {
      const flags = ['--workers', String(workers)];
      const server = await startForebay(stack, { directory, ufs, mounts: [{ name: bucket }], flags });
      return {
        title: `Forebay, ${workers} ${workers === 1 ? 'worker' : 'workers'}${isParallel || workers === 1 ? '' : ' on one CPU'}`,
        target: server,
        pid: server.pid,
      };
    },
  };
}
