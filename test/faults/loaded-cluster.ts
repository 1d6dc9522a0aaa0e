/** A cluster before a bucket with objects of a few sizes, and readers of them. */
import { Cluster, type ClusterOptions } from '../support/cluster/cluster.ts';
import { openNetwork } from '../support/cluster/network.ts';
import { contentOf, mebibyte } from '../support/content.ts';
import { type MemoryS3, startMemoryS3 } from '../support/memory-s3.ts';
import type { Random } from '../support/random.ts';
import { startRedis } from '../support/redis.ts';
import { WireClient } from '../support/wire-client.ts';
import { type LoadedObject, ReadLoad } from './read-load.ts';

const sizes = [10_000, 300_000, 3 * mebibyte];
const objectCount = 60;

export interface LoadedClusterOptions extends Pick<ClusterOptions, 'nodes' | 'gateways' | 'registries'> {
  readonly redis?: boolean;
}

export class LoadedCluster {
  readonly cluster: Cluster;
  readonly ufs: MemoryS3;
  readonly redis: Awaited<ReturnType<typeof startRedis>> | undefined;
  readonly objects: readonly LoadedObject[];
  #seeds = objectCount;

  private constructor(parts: Pick<LoadedCluster, 'cluster' | 'ufs' | 'redis' | 'objects'>) {
    this.cluster = parts.cluster;
    this.ufs = parts.ufs;
    this.redis = parts.redis;
    this.objects = parts.objects;
  }

  static async start(options: LoadedClusterOptions): Promise<LoadedCluster> {
    const network = openNetwork();
    const ufs = await startMemoryS3({ host: network.host });
    const redis = options.redis ? await startRedis(network.host) : undefined;
    const place = `endpoint=${ufs.endpoint}&region=us-east-1&pathStyle=true&credentials=env:UFS`;
    const cluster = await Cluster.start({
      ...{ nodes: options.nodes, gateways: options.gateways, network, redisUrl: redis?.url },
      registries: options.registries ?? 1,
      mounts: [{ path: '/lake', ufs: `s3://lake?${place}&ttl=1h` }],
      env: { UFS_ACCESS_KEY_ID: ufs.accessKey, UFS_SECRET_ACCESS_KEY: ufs.secretKey },
    });
    const objects: LoadedObject[] = [];
    for (let seed = 1; seed <= objectCount; seed += 1) {
      const object = { path: `/lake/object-${seed}`, seed, sizeBytes: sizes[seed % sizes.length]! };
      await fetch(ufs.endpoint + object.path, { method: 'PUT', body: contentOf(seed, object.sizeBytes) });
      objects.push(object);
    }
    return new LoadedCluster({ cluster, ufs, redis, objects });
  }

  /** @param pauseMs between two reads of a reader */
  load(random: Random, readers = 8, pauseMs = 0): ReadLoad {
    const endpoints = this.cluster.gateways.map((_, index) => this.cluster.endpoint(index));
    return new ReadLoad({ endpoints, objects: this.objects, readers, pauseMs, random });
  }

  /** Writes a new object through a gateway. @returns the status, 0 without an answer */
  async write(gateway = 0): Promise<number> {
    this.#seeds += 1;
    const client = new WireClient(this.cluster.endpoint(gateway));
    const call = { method: 'PUT', path: `/lake/written-${this.#seeds}`, body: contentOf(this.#seeds, 5_000) };
    const reply = await client.sendWithin(60_000, call).catch(() => undefined);
    client.close();
    return reply?.status ?? 0;
  }

  async stop(): Promise<void> {
    await this.cluster.stop();
    await this.redis?.stop();
    await this.ufs.stop();
  }
}
