/** Connections to the cache nodes of a cluster: a client for each process of a node, while it is a member. */
import type { RingMember } from '@forebay/core/membership';
import { RemoteCacheNode } from '@forebay/data-plane/remote-cache-node';
import type { NodeClientConfig } from '@forebay/data-plane/settings';

export interface RemoteNodesOptions {
  readonly secret: string;
  /** Of connections to them; left out: the defaults. */
  readonly settings?: NodeClientConfig | undefined;
}

const silenceMs = 3_000;

interface Known {
  readonly process: string;
  readonly node: Promise<RemoteCacheNode>;
}

export class RemoteNodes {
  readonly #options: RemoteNodesOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: RemoteNodesOptions) {
    this.#options = options;
  }

  /** @throws ForebayError where the node cannot be reached; the next call tries again */
  readonly nodeOf = (member: RingMember): Promise<RemoteCacheNode> => {
    const { nodeId, incarnation, address } = member;
    const process = `${incarnation} ${address}`;
    const known = this.#known.get(nodeId);
    if (known?.process === process) return known.node;
    if (known) closeSoon(known);
    const node = this.#connect(member);
    const connecting = { process, node };
    this.#known.set(nodeId, connecting);
    node.catch(() => {
      if (this.#known.get(nodeId) === connecting) this.#known.delete(nodeId);
    });
    return node;
  };

  /** Closes those to all others. */
  retain(members: readonly RingMember[]): void {
    const ids = new Set(members.map(({ nodeId }) => nodeId));
    for (const [nodeId, known] of this.#known) {
      if (ids.has(nodeId)) continue;
      this.#known.delete(nodeId);
      closeSoon(known);
    }
  }

  close(): void {
    this.retain([]);
  }

  #connect({ address }: RingMember): Promise<RemoteCacheNode> {
    const { secret, settings } = this.#options;
    const limits = settings && {
      connectionsMax: settings.nodeConnectionsMax,
      streamsPerConnectionMax: settings.nodeStreamsMax,
      connectTimeoutMs: settings.nodeConnectTimeoutMs,
      silenceMs: settings.nodeSilenceTimeoutMs,
    };
    return RemoteCacheNode.connect({ address: addressOf(address), secret, silenceMs, ...limits });
  }
}

function closeSoon({ node }: Known): void {
  node.then(
    (open) => open.close(),
    () => {},
  );
}

/** HOST:PORT, with an IPv6 host in brackets. */
function addressOf(address: string): { readonly host: string; readonly port: number } {
  const at = address.lastIndexOf(':');
  const host = address.slice(0, at).replace(/^\[(.*)\]$/, '$1');
  return { host, port: Number(address.slice(at + 1)) };
}
