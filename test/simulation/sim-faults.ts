/** What goes wrong in a simulated cluster: processes, links, and people who drain and stop nodes. */
import type { SimProcess } from './sim-network.ts';
import { gatewayNames, nodeIds, registryName, type SimWorld, ufsName } from './sim-world.ts';

type Link = readonly [a: string, b: string];

const betweenMs = 2_500;
const calmWeather = { slow: 0.001, broken: 0 };
const stormyWeather = { slow: 0.08, broken: 0.03 };

export const faultKinds = [
  'kill a node',
  'pause a node',
  'pause a gateway',
  'cut a node from the registry',
  'cut a node from the store',
  'cut a gateway from the registry',
  'cut gateways from nodes',
  'kill a gateway',
  'kill the registry',
  'drain a node',
  'stop a node',
  'leave some in the dark',
  'slow writes',
  'lose a gateway',
  'storm',
] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface SimFaultsOptions {
  readonly fromMs: number;
  readonly untilMs: number;
  /** Absent: some of all, by the seed. */
  readonly kinds?: readonly FaultKind[] | undefined;
}

export class SimFaults {
  readonly #world: SimWorld;
  readonly #untilMs: number;
  /** What happened, for people: `at what`. */
  readonly story: string[] = [];
  readonly #mends = new Set<() => void>();
  #darkUntilMs = 0;
  #loseFromMs = 0;

  /** Of all kinds some in each run: rare meetings of two become likely ones in some of the runs. */
  readonly #kinds: readonly (() => void)[];

  constructor(world: SimWorld, { fromMs, untilMs, kinds }: SimFaultsOptions) {
    this.#world = world;
    this.#untilMs = untilMs;
    const all: Readonly<Record<FaultKind, () => void>> = {
      'kill a node': () => this.#killNode(),
      'pause a node': () => this.#pauseNode(),
      'pause a gateway': () => this.#pauseGateway(),
      'cut a node from the registry': () => this.#cut(this.#linksTo(nodeIds, registryName)),
      'cut a node from the store': () => this.#cut(this.#linksTo(nodeIds, ufsName)),
      'cut a gateway from the registry': () => this.#cut(this.#linksTo(gatewayNames, registryName)),
      'cut gateways from nodes': () =>
        this.#cut(gatewayNames.flatMap((name) => this.#linksTo(nodeIds, name))),
      'kill a gateway': () => this.#killGateway(),
      'kill the registry': () => this.#killRegistry(),
      'drain a node': () => this.#drain(this.#world.random.pick(nodeIds)),
      'stop a node': () => this.#leave(),
      'leave some in the dark': () => this.#darken(),
      'slow writes': () => this.#slowWrites(world.random.pick([4_000, 40_000]), world.random.next() * 25_000),
      'lose a gateway': () => this.#loseGateway(),
      storm: () => this.#storm(),
    };
    const wanted = kinds ?? world.random.some(faultKinds, 0.35);
    this.#kinds = (wanted.length > 0 ? wanted : faultKinds).map((kind) => all[kind]);
    world.network.weather = calmWeather;
    world.time.at(fromMs, () => this.#next());
    world.time.at(untilMs, () => this.#mendAll());
  }

  #next(): void {
    const { time, random } = this.#world;
    if (time.nowMs >= this.#untilMs) return;
    random.pick(this.#kinds)();
    time.at(time.nowMs + random.next() * 2 * betweenMs, () => this.#next());
  }

  #tell(what: string): void {
    this.story.push(`${this.#world.time.nowMs.toFixed(1)} ${what}`);
  }

  /** Undone after a while, and at the end of all faults. */
  #until(ms: number, mend: () => void): void {
    const once = () => {
      if (this.#mends.delete(once)) mend();
    };
    this.#mends.add(once);
    this.#world.time.at(this.#world.time.nowMs + ms, once);
  }

  #mendAll(): void {
    for (const mend of [...this.#mends]) mend();
    this.#world.network.weather = calmWeather;
    this.#tell('calm');
  }

  #killNode(): void {
    const { random, nodes } = this.#world;
    const nodeId = random.pick(nodeIds);
    const { process } = nodes.get(nodeId)!;
    if (!process.isAlive) return;
    process.kill();
    this.#tell(`${nodeId} is killed`);
    this.#until(random.next() * (random.chance(0.5) ? 1_000 : 25_000), () => {
      this.#world.startNode(nodeId);
      this.#tell(`${nodeId} is started`);
    });
  }

  #killGateway(): void {
    const { random, gateways } = this.#world;
    const name = random.pick(gatewayNames);
    const { process } = gateways.get(name)!;
    if (!process.isAlive) return;
    process.kill();
    this.#tell(`${name} is killed`);
    this.#until(random.next() * 3_000, () => {
      this.#world.startGateway(name);
      this.#tell(`${name} is started`);
    });
  }

  #killRegistry(): void {
    const { random, registry, registryDisk } = this.#world;
    if (!registry.process.isAlive) return;
    registry.process.kill();
    const isLost = random.chance(0.3);
    if (isLost) registryDisk.durable = undefined;
    this.#tell(`the registry is killed${isLost ? ', and its state is lost' : ''}`);
    this.#until(random.next() * (random.chance(0.5) ? 1_000 : 25_000), () => {
      this.#world.startRegistry();
      this.#tell('the registry is started');
    });
  }

  #pauseNode(): void {
    const { random, nodes } = this.#world;
    const nodeId = random.pick(nodeIds);
    this.#pause(nodes.get(nodeId)!.process, 25_000);
  }

  #pauseGateway(): void {
    const { random, gateways } = this.#world;
    const name = random.pick(gatewayNames);
    this.#pause(gateways.get(name)!.process, 12_000);
  }

  #pause(process: SimProcess, msMax: number): void {
    const { random, time } = this.#world;
    const ms = random.next() * (random.chance(0.5) ? 3_000 : msMax);
    process.pause(time.nowMs + ms);
    this.#tell(`${process.name} is paused for ${ms.toFixed(0)} ms`);
  }

  #linksTo(names: readonly string[], other: string): Link[] {
    return names.map((name): Link => [name, other]);
  }

  #cut(links: readonly Link[]): void {
    const { random } = this.#world;
    this.#cutAll(random.chance(0.7) ? [random.pick(links)] : random.some(links, 0.5));
  }

  #cutAll(cut: readonly Link[], msMax = 20_000): void {
    const { random, network } = this.#world;
    for (const [a, b] of cut) network.cut(a, b);
    const names = cut.map((link) => link.join('-')).join(' ');
    this.#tell(`cut: ${names}`);
    this.#until(random.next() * msMax, () => {
      for (const [a, b] of cut) network.heal(a, b);
      this.#tell(`healed: ${names}`);
    });
  }

  #drain(nodeId: string, msMax = 15_000): void {
    const { random, registry } = this.#world;
    if (!registry.process.isAlive) return;
    registry.drain(nodeId, 'draining');
    this.#tell(`${nodeId} is drained`);
    this.#until(random.next() * msMax, () => {
      const { registry: now } = this.#world;
      if (now.process.isAlive) now.drain(nodeId, 'active');
      this.#tell(`${nodeId} is no longer drained`);
    });
  }

  /** Membership changes, and a gateway does not hear of it; often the node that loses its keys neither. */
  #darken(): void {
    const { random, time } = this.#world;
    // All in the dark together could do nothing wrong.
    if (time.nowMs < this.#darkUntilMs) return;
    const msMax = 35_000;
    this.#darkUntilMs = time.nowMs + msMax / 2;
    const nodeId = random.pick(nodeIds);
    const dark = [random.pick(gatewayNames), ...(random.chance(0.6) ? [nodeId] : [])];
    // Longer than a lease, often.
    this.#cutAll(this.#linksTo(dark, registryName), msMax);
    time.at(time.nowMs + random.next() * 2_000, () => this.#drain(nodeId));
  }

  /** Stopped in order: it gives up its lease, and its process ends. */
  #leave(): void {
    const { random, nodes, time } = this.#world;
    const nodeId = random.pick(nodeIds);
    const node = nodes.get(nodeId)!;
    if (!node.process.isAlive || node.lease.wish === 'leaving') return;
    node.lease.wish = 'leaving';
    this.#tell(`${nodeId} leaves`);
    const ends = () => {
      node.process.kill();
      this.#until(random.next() * 10_000, () => {
        this.#world.startNode(nodeId);
        this.#tell(`${nodeId} is started`);
      });
    };
    time.at(time.nowMs + 4_000, () => {
      if (node.process.isAlive) ends();
    });
  }

  /** The store takes its time: writes are under way while homes change, or their gateway dies. */
  #slowWrites(msMax: number, forMs: number): void {
    const { ufs } = this.#world;
    ufs.writeMsMax = msMax;
    this.#tell('writes are slow');
    this.#until(forMs, () => {
      ufs.writeMsMax = 0;
      this.#tell('writes are slow no longer');
    });
  }

  /** With writes under way, and its fences stand at a home that soon is none any more. */
  #loseGateway(): void {
    const { random, time } = this.#world;
    // Others that are lost meanwhile would keep the ring from settling.
    if (time.nowMs < this.#loseFromMs) return;
    this.#loseFromMs = time.nowMs + 30_000;
    this.#slowWrites(40_000, 8_000);
    time.at(time.nowMs + 5_000, () => this.#killGateway());
    time.at(time.nowMs + 6_000, () => this.#drain(random.pick(nodeIds), 60_000));
  }

  #storm(): void {
    const { random, network } = this.#world;
    network.weather = stormyWeather;
    this.#tell('a storm');
    this.#until(random.next() * 15_000, () => {
      network.weather = calmWeather;
      this.#tell('the storm is over');
    });
  }
}
