/**
 * A cache node elsewhere, as if it were here: the contract of PageOwner over the frames of the data plane.
 * What a node throws is thrown here with its kind; one that cannot be reached, is silent or breaks off is
 * `node-unavailable`.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type {
  AbsentObject,
  BeginEpoch,
  FenceReceipt,
  NodeStats,
  OpenedObject,
  OpenedPages,
  OpenedSoon,
  OpenRequest,
  PageOwner,
  ReadQuestion,
  ReadRequest,
  WriteOutcome,
} from '@forebay/core/cache-node';
import { ForebayError } from '@forebay/core/errors';
import type { Freed, FreeRequest } from '@forebay/core/freeing';
import type { Mount, ObjectRef } from '@forebay/core/mount';
import type { ObjectStat } from '@forebay/core/object-stat';
import { syscalls } from '@forebay/core/syscalls';
import type { DataPlaneAddress } from './cache-node-server.ts';
import type { CallOptions } from './client/call-stream.ts';
import type { ClientConnection } from './client/client-connection.ts';
import { ConnectionLost } from './client/client-stream.ts';
import { ConnectionPool } from './client/connection-pool.ts';
import { RelayPipes } from './client/relay-pipes.ts';
import type { WireObject } from './server/calls.ts';
import { checkSecret, clientIdBytes } from './wire/handshake.ts';
import { mountNameOf } from './wire/mount-names.ts';
import { KnownInfos } from './wire/open-answer.ts';
import { ReadBuffers } from './wire/read-buffers.ts';
import { StaleMountError } from './wire/wire-errors.ts';

export interface RemoteCacheNodeOptions {
  readonly address: DataPlaneAddress;
  readonly secret: string;
  readonly connectionsMax?: number;
  readonly streamsPerConnectionMax?: number;
  readonly connectTimeoutMs?: number;
  readonly silenceMs?: number;
  /** Bytes of a body that may be on their way or unread here; a slow reader holds no more. */
  readonly windowBytes?: number;
  /** False: bodies are read and written, never moved from socket to socket by splice(2). */
  readonly splice?: boolean;
  /** Of buffers for reading, all of them idle. */
  readonly keptBytesMax?: number;
}

const KiB = 1024;
/** A change of the mounts reaches both sides within this, or the request fails. */
const staleMountPausesMs = [20, 50, 100, 200, 400];

/** Longer together than the node waits before it ends the fences of a client that is gone. */
const endPausesMs = [100, 400, 1000, 2000, 5000, 10_000, 20_000, 40_000];

/** What all bodies share. */
interface Held {
  readonly buffers: ReadBuffers;
  readonly pipes: RelayPipes | undefined;
}

export class RemoteCacheNode implements PageOwner {
  readonly nodeId: string;
  readonly #pool: ConnectionPool;
  readonly #held: Held;

  private constructor(pool: ConnectionPool, held: Held, nodeId: string) {
    this.#pool = pool;
    this.#held = held;
    this.nodeId = nodeId;
  }

  /** @throws ForebayError `node-unavailable` where the node cannot be reached or does not let us in. */
  static async connect(options: RemoteCacheNodeOptions): Promise<RemoteCacheNode> {
    checkSecret(options.secret);
    const buffers = new ReadBuffers({ keptBytesMax: options.keptBytesMax ?? 32 * KiB * KiB });
    const calls = options.splice === false ? undefined : syscalls();
    const pipes = calls && new RelayPipes(calls);
    const pool = new ConnectionPool({
      address: options.address,
      secret: options.secret,
      clientId: randomBytes(clientIdBytes),
      connectionsMax: options.connectionsMax ?? 8,
      streamsPerConnectionMax: options.streamsPerConnectionMax ?? 1024,
      connectTimeoutMs: options.connectTimeoutMs ?? 2000,
      silenceMs: options.silenceMs ?? 10_000,
      windowBytes: options.windowBytes ?? KiB * KiB,
      buffers,
      pipes,
      infos: new KnownInfos(),
    });
    try {
      const { nodeId } = await pool.take();
      return new RemoteCacheNode(pool, { buffers, pipes }, nodeId);
    } catch (error) {
      pool.close();
      throw unreachable(error);
    }
  }

  /** Bytes of buffers that bodies hold now. */
  get lentBytes(): number {
    return this.#held.buffers.lentBytes;
  }

  /** Pipes that bodies hold now. */
  get lentPipes(): number {
    return this.#held.pipes?.lentCount ?? 0;
  }

  open(request: OpenRequest): Promise<OpenedObject | AbsentObject> {
    return this.#send((connection) => connection.open(request), request.signal);
  }

  openSoon(request: OpenRequest, done: OpenedSoon): (() => void) | undefined {
    const connection = this.#pool.ready();
    if (!connection) return undefined;
    let leave = (): void => asked.left();
    const asked = connection.openSoon(request, (opened, error) => {
      if (!(error instanceof ConnectionLost || error instanceof StaleMountError)) {
        leave = () => {};
        done(opened, error);
        return;
      }
      // Nobody had an answer: the whole question once more, with all that `open` does about it.
      const { object, want, range, conditions, ifRange, needChecksums = false } = request;
      const { epoch, goneVersion } = request;
      const left = new AbortController();
      leave = () => left.abort();
      const { signal } = left;
      const tell: OpenedSoon = (later, cause) => {
        if (!signal.aborted) done(later, cause);
        else if (later?.kind === 'object') leaveBody(later.body);
      };
      const question = { object, want, range, conditions, ifRange, needChecksums, epoch, goneVersion };
      this.open({ ...question, signal }).then(tell, (cause: unknown) => tell(undefined, cause));
    });
    return () => leave();
  }

  read(request: ReadRequest): Promise<OpenedPages> {
    return this.#send((connection) => connection.read(request), request.signal);
  }

  beginWrite(objects: readonly ObjectRef[], fenceId: string, epoch?: BeginEpoch): Promise<void> {
    return this.#begin({ objects: objects.map(wireObjectOf), fenceId, epoch });
  }

  async endWrite(
    objects: readonly ObjectRef[],
    fenceId: string,
    outcome: WriteOutcome,
    epoch?: number,
  ): Promise<FenceReceipt> {
    await this.#end({ objects: objects.map(wireObjectOf), fenceId, outcome, epoch });
    return { fenceId, ended: true };
  }

  beginBucketWrite(mount: Mount, fenceId: string, epoch?: BeginEpoch): Promise<void> {
    return this.#begin({ mount: mountNameOf(mount), fenceId, epoch });
  }

  async endBucketWrite(
    mount: Mount,
    fenceId: string,
    outcome: WriteOutcome,
    epoch?: number,
  ): Promise<FenceReceipt> {
    await this.#end({ mount: mountNameOf(mount), fenceId, outcome, epoch });
    return { fenceId, ended: true };
  }

  async stat({ object, ...question }: ReadQuestion): Promise<ObjectStat> {
    return (await this.#call('stat', { object: wireObjectOf(object), question })) as ObjectStat;
  }

  async free({ signal, onProgress, ...request }: FreeRequest): Promise<Freed> {
    const options: CallOptions = { signal, onProgress: (freed) => onProgress(freed as unknown as Freed) };
    return (await this.#call('free', { ...request }, options)) as Freed;
  }

  async stats(): Promise<NodeStats> {
    return (await this.#call('stats', {})) as NodeStats;
  }

  /**
   * An operation that the server offers beside the contract (`calls`). Parameters and result are JSON. Where
   * a connection breaks it is sent again: it must bear that.
   * @throws what it threw
   */
  call(name: string, parameters: unknown, options: CallOptions = {}): Promise<unknown> {
    return this.#call(name, { parameters }, options);
  }

  /** Resolves when the node is heard. @throws ForebayError `node-unavailable` where it is lost or silent */
  ping(): Promise<void> {
    return this.#send((connection) => connection.ping(), undefined);
  }

  /** Cuts what is open. */
  close(): void {
    this.#pool.close();
    this.#held.pipes?.close();
  }

  async #begin(fence: Readonly<Record<string, unknown>>): Promise<void> {
    try {
      await this.#call('beginWrite', fence);
    } catch (error) {
      // It may stand all the same, and nothing will be written behind it.
      if (isLost(error)) void this.#endLater({ ...fence, outcome: 'known' });
      throw error;
    }
  }

  async #end(fence: Readonly<Record<string, unknown>>): Promise<void> {
    try {
      await this.#call('endWrite', fence);
    } catch (error) {
      if (isLost(error)) void this.#endLater(fence);
      throw error;
    }
  }

  /** A fence that a break left open at the node would stand as long as this process is known there. */
  async #endLater(fence: Readonly<Record<string, unknown>>): Promise<void> {
    for (const pauseMs of endPausesMs) {
      await wait(pauseMs, undefined, { ref: false });
      try {
        await this.#call('endWrite', fence);
        return;
      } catch (error) {
        if (!isLost(error)) return;
      }
    }
  }

  #call(
    name: string,
    parameters: Readonly<Record<string, unknown>>,
    options: CallOptions = {},
  ): Promise<unknown> {
    return this.#send((connection) => connection.call(name, parameters, options), options.signal);
  }

  /**
   * Once more where a connection broke before its answer: everything that is sent may be sent twice. And
   * again where only the mounts of both sides are not the same yet.
   */
  async #send<T>(
    send: (connection: ClientConnection) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    let breaks = 0;
    let stale = 0;
    for (;;) {
      signal?.throwIfAborted();
      try {
        const connection = this.#pool.take();
        return await send(connection instanceof Promise ? await connection : connection);
      } catch (error) {
        if (error instanceof ConnectionLost && breaks < 1) breaks += 1;
        else if (error instanceof StaleMountError && stale < staleMountPausesMs.length) {
          await wait(staleMountPausesMs[stale]);
          stale += 1;
        } else throw unreachable(error);
      }
    }
  }
}

/** The node did not answer: what it was asked for may be done. */
function isLost(error: unknown): boolean {
  return error instanceof Error && error.cause instanceof ConnectionLost;
}

function leaveBody(body: OpenedObject['body']): void {
  if (body && !(body instanceof Uint8Array))
    void body[Symbol.asyncIterator]()
      .return?.()
      .catch(() => {});
}

function unreachable(error: unknown): unknown {
  if (!(error instanceof ConnectionLost || error instanceof StaleMountError)) return error;
  return new ForebayError('node-unavailable', error.message, { cause: error, retryAfterMs: 1000 });
}

function wireObjectOf({ mount, ufsKey, versionId }: ObjectRef): WireObject {
  const name = mountNameOf(mount);
  return versionId === undefined ? [name, ufsKey] : [name, ufsKey, versionId];
}
