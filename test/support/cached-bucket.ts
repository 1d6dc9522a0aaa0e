/** The set-up of most tests: a store, Forebay with the store's bucket as `/lake`, and a proxy in between. */
import { type CountingProxy, startCountingProxy } from './counting-proxy.ts';
import { type ForebayOptions, type ForebayProcess, s3Mount, startForebay } from './forebay-process.ts';
import { type S3Server, startVersitygw } from './servers.ts';
import { WireClient } from './wire-client.ts';

export interface CachedBucket {
  readonly server: S3Server;
  /** All that Forebay asks of the store passes here. */
  readonly proxy: CountingProxy;
  /** What it has read is fresh for an hour. */
  readonly forebay: ForebayProcess;
  readonly client: WireClient;
  /** Speaks to the store, behind Forebay's back. */
  readonly direct: WireClient;
  stop(): Promise<void>;
}

export interface CachedBucketOptions extends Omit<ForebayOptions, 'mounts'> {
  /** Of the mount; without it, `ttl=1h`. */
  readonly freshness?: string;
}

/** What has started ends also where the rest cannot start. */
export async function startCachedBucket(options: CachedBucketOptions = {}): Promise<CachedBucket> {
  const ends: (() => unknown)[] = [];
  const stop = async () => {
    for (const end of ends.splice(0).reverse()) await end();
  };
  try {
    const server = await startVersitygw();
    ends.push(() => server.stop());
    await server.createBucket('lake');
    const proxy = await startCountingProxy({ target: server });
    ends.push(() => proxy.stop());
    const { mount, env } = s3Mount('/lake', proxy, 'lake');
    const forebay = await startForebay({
      ...options,
      mounts: [`${mount}&${options.freshness ?? 'ttl=1h'}`],
      env: { ...env, ...options.env },
    });
    ends.push(() => forebay.remove());
    const client = new WireClient(forebay);
    const direct = new WireClient(server);
    ends.push(
      () => client.close(),
      () => direct.close(),
    );
    return { server, proxy, forebay, client, direct, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
