/**
 * One S3 store: its keys, its limits and its connections, which all of its buckets share. A bucket is a few
 * small objects on top. Buckets that have a host name of their own have connections of their own too, within
 * the limits of the store.
 */
import { type Clock, systemClock } from '@forebay/core/clock';
import type { Log } from '@forebay/core/log';
import { ufsIdentityOf } from '@forebay/core/mount';
import type { Ufs } from '../ufs.ts';
import type { UfsUse } from '../ufs-use.ts';
import { addressOf, type S3Address, type S3Location, serviceAddressOf } from './address.ts';
import { CircuitBreaker } from './circuit-breaker.ts';
import { ControlClient, documentSdk } from './control-client.ts';
import { keySourceOf } from './credentials.ts';
import { DocumentWrites } from './document-writes.ts';
import { Forwards } from './forwards.ts';
import { Gate } from './gate.ts';
import { Hedger } from './hedger.ts';
import { LeanClient } from './lean-client.ts';
import { defaultS3Limits, type S3Limits } from './limits.ts';
import { Listings } from './listings.ts';
import { S3Ufs } from './s3-ufs.ts';
import { Signer } from './signer.ts';
import { Transport } from './transport.ts';
import { Uploader } from './uploader.ts';
import { VersionListings } from './version-listings.ts';

export interface S3Deps {
  /** Where `env:NAME` credentials are read. The AWS chain reads the process's own environment and files. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly limits?: Partial<S3Limits> | undefined;
  readonly clock?: Clock | undefined;
}

/** How requests to one bucket, or to the store itself, are sent. */
export interface S3Clients {
  readonly lean: LeanClient;
  readonly control: ControlClient;
}

interface Wire {
  readonly transport: Transport;
  readonly uploader: Uploader;
}

/** Of nobody: nothing is counted, and nothing sent twice. */
const unused: UfsUse = { hedges: false, onRetry: () => {}, onHedge: () => {} };

/** Buckets of which it is remembered whether they answer. */
const breakersMax = 1_000;

/** Host names with connections at hand. Of those that go, idle connections end by themselves. */
const wiresMax = 256;

export class S3Store {
  readonly region: string;
  readonly #location: S3Location;
  readonly #log: Log;
  readonly #limits: S3Limits;
  readonly #signer: Signer;
  readonly #gate: Gate;
  readonly #sdk = documentSdk();
  readonly #knownSubResources = new Set<string>();
  readonly #clock: Clock;
  /** What is late is the same for all buckets of a store. */
  readonly #hedger: Hedger;
  /** By bucket: one that fails must not keep the others from being asked. The service's own has no name. */
  readonly #breakers = new Map<string, CircuitBreaker>();
  /** By origin; path-style there is one. */
  readonly #wires = new Map<string, Wire>();

  /** Connects to nothing yet. @throws ConfigError where credentials are named and not there. */
  constructor(location: S3Location, deps: S3Deps) {
    const limits = { ...defaultS3Limits, ...deps.limits };
    this.region = location.region;
    this.#location = location;
    this.#log = deps.log;
    this.#limits = limits;
    const keys = keySourceOf(location.credentials, deps.env);
    this.#clock = deps.clock ?? systemClock;
    this.#hedger = new Hedger(limits.hedge);
    this.#signer = new Signer({ region: location.region, keys, clock: deps.clock });
    this.#gate = new Gate({
      slotsMax: limits.connectionsMax,
      waitersMax: limits.waitersMax,
      waitMs: limits.connectionWaitMs,
    });
  }

  /** Where the store's buckets are listed. */
  ofService(): S3Clients {
    return this.#clientsOf(serviceAddressOf(this.#location), '', unused);
  }

  ofBucket(bucket: string, use = unused): S3Clients {
    return this.#clientsOf(addressOf({ ...this.#location, bucket }), bucket, use);
  }

  /** @param close what ends with the Ufs */
  ufsOf(bucket: string, close: () => Promise<void>, use = unused): Ufs {
    const { lean, control } = this.ofBucket(bucket, use);
    return new S3Ufs({
      usedBy: (other) => this.ufsOf(bucket, close, other),
      identity: ufsIdentityOf({ ...this.#location, bucket }),
      region: this.region,
      lean,
      forwards: new Forwards(lean, this.#knownSubResources),
      listings: new Listings(control, bucket),
      versions: new VersionListings(control, bucket),
      writes: new DocumentWrites({ control, bucket, slowWriteTimeoutMs: this.#limits.slowWriteTimeoutMs }),
      close,
    });
  }

  async close(): Promise<void> {
    this.#sdk.destroy();
    const wires = [...this.#wires.values()];
    this.#wires.clear();
    await Promise.all(wires.flatMap(({ transport, uploader }) => [transport.close(), uploader.close()]));
  }

  #clientsOf(address: S3Address, bucket: string, use: UfsUse): S3Clients {
    const shared = { log: this.#log, limits: this.#limits, gate: this.#gate, hedger: this.#hedger };
    const breaker = this.#breakerOf(bucket);
    const lean = new LeanClient({ address, ...this.#wireTo(address), ...shared, breaker, use });
    return { lean, control: new ControlClient(lean, this.#sdk) };
  }

  #breakerOf(bucket: string): CircuitBreaker {
    const known = this.#breakers.get(bucket);
    if (known) return known;
    const breaker = new CircuitBreaker(this.#limits.circuit, { clock: this.#clock });
    if (this.#breakers.size >= breakersMax) {
      const [oldest] = this.#breakers.keys();
      this.#breakers.delete(oldest!);
    }
    this.#breakers.set(bucket, breaker);
    return breaker;
  }

  #wireTo({ origin }: S3Address): Wire {
    const known = this.#wires.get(origin);
    if (known) return known;
    const options = { origin, signer: this.#signer, gate: this.#gate, limits: this.#limits };
    const wire = { transport: new Transport(options), uploader: new Uploader(options) };
    if (this.#wires.size >= wiresMax) {
      const [oldest] = this.#wires.keys();
      this.#wires.delete(oldest!);
    }
    this.#wires.set(origin, wire);
    return wire;
  }
}
