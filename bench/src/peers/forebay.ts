/** Forebay as a peer: one `forebay serve`. */
import { bucket, startForebay } from '../servers.ts';
import type { Peer } from './peer.ts';

export function forebayPeer(name: string, workers: number): Peer {
  return {
    name,
    isCache: true,
    isS3: true,
    isParallel: workers > 1,
    async start(stack, { directory, ufs }) {
      const flags = ['--workers', String(workers)];
      const server = await startForebay(stack, { directory, ufs, mounts: [{ name: bucket }], flags });
      return {
        title: `Forebay, ${workers} ${workers === 1 ? 'worker' : 'workers'}`,
        target: server,
        pid: server.pid,
      };
    },
  };
}
