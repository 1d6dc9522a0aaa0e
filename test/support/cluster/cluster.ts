/**
 * A cluster of real processes on this machine: registries, cache nodes and gateways, each with its data
 * directory and its place in a network that can be cut (network.ts).
 */
import { join, resolve } from 'node:path';
import type { Environment } from '../process.ts';
import type { S3Endpoint } from '../servers.ts';
import { tempDir } from '../temp.ts';
import { until } from '../until.ts';
import { Member, type Role } from './member.ts';
import { type Network, type NetworkKind, openNetwork, type Place } from './network.ts';

const mainFile = resolve(import.meta.dirname, '../../../cli/src/main.ts');

export interface ClusterOptions {
  readonly nodes: number;
  readonly gateways: number;
  readonly registries?: number;
  /** What the registries share; without it there is one with a store of its own. */
  readonly redisUrl?: string | undefined;
  readonly network?: Network;
  readonly networkKind?: NetworkKind;
  /** Mounted before the cluster counts as started. */
  readonly mounts?: readonly { readonly path: string; readonly ufs: string }[];
  /** Flags of all processes of a role. */
  readonly flags?: Readonly<Partial<Record<Role, readonly string[]>>>;
  readonly env?: Environment;
  /** What runs instead of the command line of Forebay, for tests of what must not happen. */
  readonly mainOf?: ((role: Role) => string | undefined) | undefined;
  readonly onProgress?: ((what: string) => void) | undefined;
  /** Where the data directories are; in one that goes with this process without it. */
  readonly directory?: string | undefined;
}

/** Of all processes. */
export const clusterKeys = {
  accessKey: 'FOREBAYTESTACCESSKEY',
  secretKey: 'forebay-test-secret-key-0123456789',
} as const;
export const clusterSecret = 'forebay-test-cluster-secret-0123456789';
const basicAuth = `Basic ${Buffer.from(`${clusterKeys.accessKey}:${clusterKeys.secretKey}`).toString('base64')}`;

const portsOf = { registry: 9001, 'cache-node': 9100, gateway: 9000 } as const;
const adminPortsOf = { registry: 9001, 'cache-node': 9101, gateway: 9002 } as const;

export class Cluster {
  readonly network: Network;
  readonly registries: Member[] = [];
  readonly nodes: Member[] = [];
  readonly gateways: Member[] = [];
  readonly #options: ClusterOptions;
  readonly directory: string;
  readonly #registryPlaces: { readonly place: Place; readonly port: number }[] = [];

  private constructor(options: ClusterOptions) {
    this.#options = options;
    this.directory = options.directory ?? tempDir('cluster');
    this.network = options.network ?? openNetwork(options.networkKind);
  }

  /** @throws Error with the log of what did not become ready; nothing is left then */
  static async start(options: ClusterOptions): Promise<Cluster> {
    const cluster = new Cluster(options);
    try {
      await cluster.#start();
      return cluster;
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  }

  get members(): readonly Member[] {
    return [...this.registries, ...this.nodes, ...this.gateways];
  }

  /** S3 of a gateway. */
  endpoint(gateway: number): S3Endpoint {
    return { endpoint: `http://${this.gateways[gateway]!.address}`, ...clusterKeys };
  }

  /** Asks the admin API of the first registry that answers. @throws Error where none does in time */
  ask<Answer>(method: string, path: string, body?: unknown): Promise<Answer> {
    return until(`${method} ${path} is answered`, async () => {
      for (const { adminUrl } of this.registries) {
        const answer = await fetch(adminUrl + path, {
          method,
          headers: { authorization: basicAuth, 'content-type': 'application/json' },
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
          signal: AbortSignal.timeout(5_000),
        }).catch(() => undefined);
        if (answer?.ok) return { answer: (await answer.json()) as Answer };
      }
      return undefined;
    }).then(({ answer }) => answer);
  }

  /** Another cache node; it is ready when this resolves. */
  async addNode(): Promise<Member> {
    const node = await this.#member('cache-node', this.nodes.length + 1);
    this.nodes.push(node);
    await node.untilReady();
    return node;
  }

  /**
   * Cuts a member off from all others of the cluster; clients and the UFS still reach it.
   * @returns to be called once to undo it
   */
  isolate(member: Member): () => void {
    const others = this.members.filter((other) => other !== member);
    const undo = others.map((other) => this.network.cut(member.name, other.name));
    return () => {
      for (const heal of undo) heal();
    };
  }

  async stop(): Promise<void> {
    for (const members of [this.gateways, this.nodes, this.registries]) {
      await Promise.all(members.map((member) => member.stop()));
    }
    await this.network.close();
  }

  async #start(): Promise<void> {
    const { nodes, gateways, registries = 1, mounts = [], onProgress } = this.#options;
    for (let number = 1; number <= registries; number += 1) {
      this.registries.push(await this.#member('registry', number));
    }
    // They wait for the registry by themselves; it is waited for here to tell why it does not come.
    await until('a registry is ready', async () => {
      const dead = this.registries.find(({ running }) => !running);
      if (dead) throw new Error(`${dead.name} ended:\n${dead.log().slice(-4000)}`);
      return (await Promise.all(this.registries.map((one) => one.isReady()))).includes(true);
    });
    for (let number = 1; number <= nodes; number += 1) {
      this.nodes.push(await this.#member('cache-node', number));
    }
    for (let number = 1; number <= gateways; number += 1) {
      this.gateways.push(await this.#member('gateway', number));
    }
    for (const mount of mounts) await this.ask('POST', '/api/v1/mounts', mount);
    await Promise.all(
      [...this.nodes, ...this.gateways].map(async (member) => {
        await member.untilReady();
        onProgress?.(`${member.name} is ready`);
      }),
    );
  }

  async #member(role: Role, number: number): Promise<Member> {
    const { env, flags, mainOf } = this.#options;
    const name = `${role}-${number}`;
    const place = this.network.place(name);
    const port = await this.network.port(portsOf[role]);
    const adminPort = role === 'registry' ? port : await this.network.port(adminPortsOf[role]);
    const dataDir = join(this.directory, name);
    const own = await this.#flagsOf(role, { place, port });
    const args = [
      ...[mainOf?.(role) ?? mainFile, role, '--data-dir', dataDir],
      ...['--host', place.host, '--admin-port', String(adminPort), ...own, ...(flags?.[role] ?? [])],
    ];
    const [command, all] = this.network.at(place, process.execPath, args);
    const address = `${place.host}:${port}`;
    const adminUrl = `http://${place.host}:${adminPort}`;
    return new Member({
      ...{ role, name, adminUrl, address, dataDir, command, args: all },
      env: { ...environment(), ...env },
    });
  }

  async #flagsOf(role: Role, { place, port }: { place: Place; port: number }): Promise<readonly string[]> {
    if (role === 'registry') {
      this.#registryPlaces.push({ place, port });
      const { redisUrl } = this.#options;
      return redisUrl === undefined ? [] : ['--state', redisUrl];
    }
    const ways = this.#registryPlaces.map((to) => this.network.way(place.name, to.place, to.port));
    const registry = (await Promise.all(ways)).map((way) => `http://${way}`).join(',');
    const common = ['--registry', registry, '--port', String(port)];
    if (role === 'gateway') return common;
    return [...common, '--advertise', await this.network.way(undefined, place, port)];
  }
}

function environment(): Environment {
  return {
    PATH: process.env.PATH,
    HOME: process.env.HOME,
    FOREBAY_ACCESS_KEY: clusterKeys.accessKey,
    FOREBAY_SECRET_KEY: clusterKeys.secretKey,
    FOREBAY_CLUSTER_SECRET: clusterSecret,
    FOREBAY_WORKERS: '1',
  };
}
