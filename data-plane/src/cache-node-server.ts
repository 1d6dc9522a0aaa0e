/**
 * Serves a cache node to gateways elsewhere: over TCP, between machines and between processes of one.
 * Everything that waits or piles up has a bound.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { type Log, silentLog } from '@forebay/core/log';
import type { MountTable } from '@forebay/core/mount';
import { syscalls } from '@forebay/core/syscalls';
import type { Tracer } from '@forebay/core/tracing';
import { Calls, type ExtraCall } from './server/calls.ts';
import { OpenFences } from './server/open-fences.ts';
import { type ConnectionDeps, type ServedNode, ServerConnection } from './server/server-connection.ts';
import { checkSecret } from './wire/handshake.ts';
import { MountNames } from './wire/mount-names.ts';
import { KnownInfos } from './wire/open-answer.ts';

export { type CallContext, callerLost, type ExtraCall } from './server/calls.ts';

/** Where a node listens and a gateway connects to. */
export interface DataPlaneAddress {
  readonly host: string;
  readonly port: number;
}

export interface CacheNodeServerOptions {
  readonly node: ServedNode;
  /** The same mounts as the clients'. Read at every request. */
  readonly mounts: () => MountTable;
  /** At least 16 bytes that nobody can guess; the same as the clients'. */
  readonly secret: string;
  readonly log?: Log;
  /** Operations beside the contract, by name: a client reaches them by `call`. */
  readonly calls?: Readonly<Record<string, ExtraCall>>;
  readonly connectionsMax?: number;
  readonly streamsPerConnectionMax?: number;
  readonly handshakeTimeoutMs?: number;
  /** A client without a connection for so long is gone for good, and its fences end. */
  readonly clientGraceMs?: number;
  /** False: parts of files are read and written, never sent by sendfile(2). */
  readonly sendfile?: boolean;
  /** Of what clients ask in the course of a traced request. */
  readonly tracer?: Tracer | undefined;
}

const drainCheckMs = 20;

export class CacheNodeServer {
  readonly #server: Server;
  readonly #connections = new Set<ServerConnection>();
  readonly #fences: OpenFences;

  /** @throws Error where the secret is too short */
  constructor(options: CacheNodeServerOptions) {
    const { node, secret, log = silentLog, clientGraceMs: graceMs = 30_000 } = options;
    checkSecret(secret);
    const names = new MountNames(options.mounts);
    this.#fences = new OpenFences({ node, log, graceMs });
    const deps: ConnectionDeps = {
      node,
      names,
      secret,
      log,
      fences: this.#fences,
      infos: new KnownInfos(),
      calls: new Calls({ node, names, fences: this.#fences, extra: options.calls ?? {} }),
      streamsPerConnectionMax: options.streamsPerConnectionMax ?? 4096,
      handshakeTimeoutMs: options.handshakeTimeoutMs ?? 5000,
      syscalls: options.sendfile === false ? undefined : syscalls(),
      tracer: options.tracer,
    };
    this.#server = createServer({ noDelay: true, keepAlive: true, keepAliveInitialDelay: 15_000 });
    this.#server.maxConnections = options.connectionsMax ?? 1024;
    this.#server.on('connection', (socket: Socket) => {
      const connection = new ServerConnection(socket, deps);
      this.#connections.add(connection);
      socket.once('close', () => this.#connections.delete(connection));
    });
  }

  /** Streams that are open now. */
  get streamCount(): number {
    let count = 0;
    for (const { streamCount } of this.#connections) count += streamCount;
    return count;
  }

  /** Where it listens then: port 0 is any that is free. @throws Error where the place is taken */
  listen(address: DataPlaneAddress): Promise<DataPlaneAddress> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(address, () => {
        this.#server.off('error', reject);
        const { port } = this.#server.address() as AddressInfo;
        resolve({ ...address, port });
      });
    });
  }

  /** Takes no more connections, and waits until nothing is under way, for at most so long. */
  async drained(timeoutMs: number): Promise<void> {
    this.#server.close();
    const untilMs = performance.now() + timeoutMs;
    while (this.streamCount > 0 && performance.now() < untilMs) await wait(drainCheckMs);
  }

  /** Cuts what is open. Fences of clients stay as they are: the process ends. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#connections) connection.destroy();
    await closed;
    this.#fences.close();
  }
}
