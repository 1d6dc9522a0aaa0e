/**
 * The network between the processes of a cluster on one machine, and how to cut it. `namespaces`: each
 * process has a network namespace of its own on one bridge, and what goes from one to another can be lost
 * without a trace, as between machines. `proxies`: all are on loopback, and go through proxies that can be
 * told to lose what they carry.
 */
import { spawnSync } from 'node:child_process';
import { atEnd } from '../at-end.ts';
import { freePort } from '../process.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';

export type NetworkKind = 'namespaces' | 'proxies';

/** Where a process listens. */
export interface Place {
  readonly name: string;
  readonly host: string;
}

export interface Network {
  readonly kind: NetworkKind;
  /** The address by which processes reach servers of the test itself. */
  readonly host: string;
  /** A place of its own for a process. */
  place(name: string): Place;
  /** A port that the process can listen on: the wanted one where it is alone. */
  port(wanted: number): Promise<number>;
  /** The command as it runs at a place. */
  at(place: Place, command: string, args: readonly string[]): readonly [string, readonly string[]];
  /**
   * How `from` reaches a server of `to`, HOST:PORT. Undefined as `from`: everybody by one way, which is then
   * cut for all at once where there are proxies.
   */
  way(from: string | undefined, to: Place, port: number): Promise<string>;
  /**
   * From now on nothing that either sends arrives at the other.
   * @returns to be called once to undo it; what others have cut as well stays so
   */
  cut(one: string, other: string): () => void;
  close(): Promise<void>;
}

/** Namespaces where this process may make them. */
export function openNetwork(wanted?: NetworkKind): Network {
  if (wanted === 'proxies') return new ProxyNetwork();
  const made = NamespaceNetwork.tryOpen();
  if (made) return made;
  if (wanted === 'namespaces') throw new Error('network namespaces cannot be made here: that needs root');
  return new ProxyNetwork();
}

function ip(...args: string[]): boolean {
  return spawnSync('ip', args, { stdio: 'ignore' }).status === 0;
}

/** The end of a namespace's pair that is at the bridge. */
const outerOf = (namespace: string) => `${namespace}h`;

/** No host has it: what is sent there is lost. */
const nobody = '02:00:00:00:00:99';

class NamespaceNetwork implements Network {
  readonly kind = 'namespaces';
  readonly host: string;
  readonly #bridge: string;
  readonly #subnet: string;
  readonly #hosts = new Map<string, { namespace: string; host: string }>();
  /** How often each pair is cut now, by both names in order. */
  readonly #cuts = new Map<string, number>();
  readonly #takeBack: () => void;

  private constructor(bridge: string, subnet: string) {
    this.#bridge = bridge;
    this.#subnet = subnet;
    this.host = `${subnet}.1`;
    this.#takeBack = atEnd(() => this.#remove());
  }

  /** Undefined where the system does not let us. */
  static tryOpen(): NamespaceNetwork | undefined {
    if (process.getuid?.() !== 0) return undefined;
    const taken = spawnSync('ip', ['-o', '-4', 'address'], { encoding: 'utf8' }).stdout ?? '';
    for (let index = 1; index < 250; index += 1) {
      const subnet = `198.18.${index}`;
      if (taken.includes(` ${subnet}.`)) continue;
      // Whoever makes the bridge has the subnet.
      const bridge = `fbc${index}`;
      if (!ip('link', 'add', bridge, 'type', 'bridge')) continue;
      const network = new NamespaceNetwork(bridge, subnet);
      const works =
        ip('address', 'add', `${network.host}/24`, 'dev', bridge) &&
        ip('link', 'set', bridge, 'up') &&
        network.#makes('probe');
      if (works) return network;
      network.#takeBack();
      network.#remove();
      return undefined;
    }
    return undefined;
  }

  place(name: string): Place {
    if (!this.#hosts.has(name) && !this.#makes(name)) throw new Error(`no network namespace for ${name}`);
    return { name, host: this.#hosts.get(name)!.host };
  }

  #makes(name: string): boolean {
    const number = this.#hosts.size + 2;
    const namespace = `${this.#bridge}-${number}`;
    const host = `${this.#subnet}.${number}`;
    this.#hosts.set(name, { namespace, host });
    const outer = outerOf(namespace);
    return (
      ip('netns', 'add', namespace) &&
      ip('link', 'add', outer, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace) &&
      ip('link', 'set', outer, 'master', this.#bridge, 'up') &&
      ip('-n', namespace, 'address', 'add', `${host}/24`, 'dev', 'eth0') &&
      ip('-n', namespace, 'link', 'set', 'eth0', 'up') &&
      ip('-n', namespace, 'link', 'set', 'lo', 'up')
    );
  }

  port(wanted: number): Promise<number> {
    return Promise.resolve(wanted);
  }

  at(place: Place, command: string, args: readonly string[]): readonly [string, readonly string[]] {
    return ['ip', ['netns', 'exec', this.#hosts.get(place.name)!.namespace, command, ...args]];
  }

  way(_from: string | undefined, to: Place, port: number): Promise<string> {
    return Promise.resolve(`${to.host}:${port}`);
  }

  cut(one: string, other: string): () => void {
    this.#count(one, other, 1);
    return () => this.#count(one, other, -1);
  }

  #count(one: string, other: string, change: 1 | -1): void {
    const pair = [one, other].sort().join(' ');
    const before = this.#cuts.get(pair) ?? 0;
    this.#cuts.set(pair, before + change);
    if (before > 0 && before + change > 0) return;
    const [a, b] = [this.#hosts.get(one)!, this.#hosts.get(other)!];
    for (const [from, to] of [[a, b] as const, [b, a] as const]) {
      const lost = ['neigh', 'replace', to.host, 'lladdr', nobody, 'nud', 'permanent', 'dev', 'eth0'];
      const found = ['neigh', 'del', to.host, 'dev', 'eth0'];
      ip('-n', from.namespace, ...(change === 1 ? lost : found));
    }
  }

  async close(): Promise<void> {
    this.#takeBack();
    this.#remove();
  }

  #remove(): void {
    // A namespace lives on while a connection in it waits for its end: what leads to it goes first.
    for (const { namespace } of this.#hosts.values()) {
      ip('link', 'del', outerOf(namespace));
      ip('netns', 'del', namespace);
    }
    ip('link', 'del', this.#bridge);
  }
}

class ProxyNetwork implements Network {
  readonly kind = 'proxies';
  readonly host = '127.0.0.1';
  /** By both ends; everybody is the empty name. */
  readonly #ways: { readonly from: string; readonly to: string; readonly proxy: FaultProxy }[] = [];

  place(name: string): Place {
    return { name, host: this.host };
  }

  port(): Promise<number> {
    return freePort();
  }

  at(_place: Place, command: string, args: readonly string[]): readonly [string, readonly string[]] {
    return [command, args];
  }

  async way(from: string | undefined, to: Place, port: number): Promise<string> {
    const proxy = await startFaultProxy({ host: to.host, port });
    this.#ways.push({ from: from ?? '', to: to.name, proxy });
    return `127.0.0.1:${proxy.port}`;
  }

  cut(one: string, other: string): () => void {
    const isBetween = (from: string, to: string) =>
      (from === one && to === other) || (from === other && to === one);
    const undo = this.#ways
      .filter(({ from, to }) => isBetween(from, to) || (from === '' && (to === one || to === other)))
      .map(({ proxy }) => proxy.cut());
    return () => {
      for (const heal of undo) heal();
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#ways.map(({ proxy }) => proxy.stop()));
  }
}
