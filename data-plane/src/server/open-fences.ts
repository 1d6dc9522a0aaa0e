/**
 * Fences that clients opened here. A client that is gone for good, with all of its connections, cannot end
 * them any more: then they end by themselves, and what it wrote counts as unknown.
 */
import type { BeginEpoch, CacheNode, FenceReceipt, WriteOutcome } from '@forebay/core/cache-node';
import { ForebayError, isKind } from '@forebay/core/errors';
import type { Log } from '@forebay/core/log';
import type { Mount, ObjectRef } from '@forebay/core/mount';

/** What a fence is on: objects, or a mount's whole bucket. */
export type Fenced = { readonly objects: readonly ObjectRef[] } | { readonly mount: Mount };

interface FenceEnd {
  readonly outcome: WriteOutcome;
  /** As the client says. */
  readonly epoch: number | undefined;
}

interface Client {
  connections: number;
  readonly fences: Map<string, Fenced>;
  timer: NodeJS.Timeout | undefined;
}

export interface OpenFencesOptions {
  readonly node: CacheNode;
  readonly log: Log;
  /** A client without a connection for so long is gone for good. */
  readonly graceMs: number;
}

const endedMax = 10_000;

export class OpenFences {
  readonly #options: OpenFencesOptions;
  readonly #clients = new Map<string, Client>();
  /** That ended lately: what a connection that was given up still brings must not open them again. */
  readonly #ended = new Set<string>();

  constructor(options: OpenFencesOptions) {
    this.#options = options;
  }

  connected(clientId: string): void {
    const client = this.#clients.get(clientId) ?? { connections: 0, fences: new Map(), timer: undefined };
    this.#clients.set(clientId, client);
    client.connections += 1;
    clearTimeout(client.timer);
  }

  disconnected(clientId: string): void {
    const client = this.#clients.get(clientId);
    if (!client) return;
    client.connections -= 1;
    if (client.connections > 0) return;
    if (client.fences.size === 0) this.#clients.delete(clientId);
    else client.timer = setTimeout(() => void this.#abandon(clientId, client), this.#options.graceMs);
  }

  /** @throws what the node throws; ForebayError `not-home` under a name that has ended */
  async begin(
    clientId: string,
    fenceId: string,
    { fenced, epoch }: { readonly fenced: Fenced; readonly epoch: BeginEpoch | undefined },
  ): Promise<void> {
    const { node } = this.#options;
    if (this.#ended.has(fenceId)) throw new ForebayError('not-home', 'this fence has ended');
    // Before anything can be awaited: a client that goes meanwhile must leave no fence behind.
    this.#clients.get(clientId)?.fences.set(fenceId, fenced);
    try {
      if ('mount' in fenced) await node.beginBucketWrite(fenced.mount, fenceId, epoch);
      else await node.beginWrite(fenced.objects, fenceId, epoch);
    } catch (error) {
      this.#clients.get(clientId)?.fences.delete(fenceId);
      throw error;
    }
  }

  /**
   * @param fenced what the client says, which may be more or less than what it opened here, as homes change;
   * a fence that was opened here is known, also where its mount is gone by now
   * @throws what the node throws, and what `fenced` throws for a fence that is not known
   */
  async end(
    clientId: string,
    fenceId: string,
    { outcome, epoch, fenced }: FenceEnd & { readonly fenced: () => Fenced },
  ): Promise<FenceReceipt> {
    const fences = this.#clients.get(clientId)?.fences;
    this.#remember(fenceId);
    const known = fences?.get(fenceId);
    // Also where the node says that it does not count here: the write is over.
    fences?.delete(fenceId);
    const said = known ? saidOr(fenced, known) : fenced();
    if (known && !holdsAll(said, known)) await this.#endHere(known, fenceId, outcome);
    return this.#end(said, fenceId, { outcome, epoch });
  }

  /** Of what has another home by now: it is closed, which counts for nothing. */
  async #endHere(fenced: Fenced, fenceId: string, outcome: WriteOutcome): Promise<void> {
    try {
      await this.#end(fenced, fenceId, { outcome, epoch: undefined });
    } catch (error) {
      if (!isKind(error, 'not-home')) throw error;
    }
  }

  /** Nobody waits for clients any more. */
  close(): void {
    for (const { timer } of this.#clients.values()) clearTimeout(timer);
    this.#clients.clear();
  }

  #remember(fenceId: string): void {
    this.#ended.add(fenceId);
    const [oldest] = this.#ended;
    if (this.#ended.size > endedMax) this.#ended.delete(oldest!);
  }

  #end(fenced: Fenced, fenceId: string, { outcome, epoch }: FenceEnd): Promise<FenceReceipt> {
    const { node } = this.#options;
    if ('mount' in fenced) return node.endBucketWrite(fenced.mount, fenceId, outcome, epoch);
    return node.endWrite(fenced.objects, fenceId, outcome, epoch);
  }

  async #abandon(clientId: string, { fences }: Client): Promise<void> {
    this.#clients.delete(clientId);
    this.#options.log.warn(
      { fences: fences.size },
      'a gateway is gone with writes open: their outcome is unknown',
    );
    for (const [fenceId, fenced] of fences) {
      try {
        await this.#endHere(fenced, fenceId, 'unknown');
      } catch (error) {
        this.#options.log.error({ reason: String(error) }, 'a fence of a gateway that is gone did not end');
      }
    }
  }
}

function saidOr(fenced: () => Fenced, known: Fenced): Fenced {
  try {
    return fenced();
  } catch {
    return known;
  }
}

function holdsAll(said: Fenced, known: Fenced): boolean {
  if ('mount' in said || 'mount' in known) return true;
  const names = new Set(said.objects.map(nameOf));
  return known.objects.every((object) => names.has(nameOf(object)));
}

function nameOf({ mount, ufsKey, versionId = '' }: ObjectRef): string {
  return `${mount.path}\0${ufsKey}\0${versionId}`;
}
