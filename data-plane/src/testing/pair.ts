/** A node that is served and a client of it, for one test. */
import type { AbsentObject, OpenedObject, ReadQuestion } from '@forebay/core/cache-node';
import { MountTable } from '@forebay/core/mount';
import { CacheNodeServer, type CacheNodeServerOptions, type DataPlaneAddress } from '../cache-node-server.ts';
import { RemoteCacheNode, type RemoteCacheNodeOptions } from '../remote-cache-node.ts';
import { lake, ScriptedNode } from './scripted-node.ts';

export const secret = 'a secret of the tests';

export interface Pair {
  readonly node: ScriptedNode;
  readonly server: CacheNodeServer;
  readonly remote: RemoteCacheNode;
  readonly address: DataPlaneAddress;
}

export interface PairOptions {
  readonly server?: Partial<CacheNodeServerOptions>;
  readonly client?: Partial<RemoteCacheNodeOptions>;
}

/** Makes pairs and takes them away again: `afterEach(() => pairs.clear())`. */
export class Pairs {
  readonly #undo: (() => unknown)[] = [];

  async open({ server: serverOptions, client }: PairOptions = {}): Promise<Pair> {
    const node = new ScriptedNode();
    const mounts = new MountTable([lake]);
    const options = { node, mounts: () => mounts, secret, ...serverOptions };
    const { server, address } = await this.serve(options, anyPort);
    const remote = await this.connect({ address, secret, ...client });
    return { node, server, remote, address };
  }

  async serve(options: CacheNodeServerOptions, at: DataPlaneAddress) {
    const server = new CacheNodeServer(options);
    const address = await server.listen(at);
    this.#undo.push(() => server.close());
    return { server, address };
  }

  async connect(options: RemoteCacheNodeOptions): Promise<RemoteCacheNode> {
    const remote = await RemoteCacheNode.connect(options);
    this.#undo.push(() => remote.close());
    return remote;
  }

  async clear(): Promise<void> {
    for (const undo of this.#undo.splice(0).reverse()) await undo();
  }
}

export const anyPort: DataPlaneAddress = { host: '127.0.0.1', port: 0 };
export const never = new AbortController().signal;

/** @throws Error where there is no such object */
export async function openObject(
  remote: RemoteCacheNode,
  question: ReadQuestion,
  signal: AbortSignal = never,
): Promise<OpenedObject> {
  const opened: OpenedObject | AbsentObject = await remote.open({ ...question, signal });
  if (opened.kind === 'absent') throw new Error(`absent: ${opened.answer.code}`);
  return opened;
}

/** All of a body, each piece copied while it is lent. */
export async function bytesOf({ body }: Pick<OpenedObject, 'body'>): Promise<Buffer> {
  if (!body || body instanceof Uint8Array) return Buffer.from(body ?? []);
  const pieces: Buffer[] = [];
  for await (const piece of body) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}
