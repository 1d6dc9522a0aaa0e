/** What is compared: servers that answer GET of the same objects under the same path. */
import type { WireTarget } from 'forebay/bench/wire-request';
import type { Server } from '../servers.ts';

export interface PeerPlace {
  /** Its own, empty. */
  readonly directory: string;
  /** As a cache reaches it: perhaps over a distance. Its bucket can be read without a signature. */
  readonly ufs: Server;
  /** Where versitygw keeps its buckets, as directories of files. */
  readonly ufsFiles: string;
  /** The UFS's process. */
  readonly ufsPid: number;
  /** Puts what a client sees at the same distance: for servers that are read directly. */
  afar(server: Server): Promise<Server>;
  /** Writes the objects that are read warm, for servers that keep objects of their own. */
  fill(server: Server): Promise<void>;
}

export interface RunningPeer {
  /** With its version. */
  readonly title: string;
  readonly target: WireTarget;
  /** The root of its processes. */
  readonly pid: number;
}

export interface Peer {
  /** As --only names it. */
  readonly name: string;
  /** Reads the UFS at a miss. A server that is no cache has only one state. */
  readonly isCache: boolean;
  /** Verifies signatures, and so is sent signed requests. */
  readonly isS3: boolean;
  /** Several processes at work: not bound to one CPU. */
  readonly isParallel?: boolean;
  /** @throws Error with the reason why it cannot be measured. */
  start(stack: AsyncDisposableStack, place: PeerPlace): Promise<RunningPeer>;
}
