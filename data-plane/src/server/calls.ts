/** What clients may call beside `open`: by name, with JSON both ways. */
import type { CacheNode, ReadQuestion, WriteOutcome } from '@forebay/core/cache-node';
import type { Freed } from '@forebay/core/freeing';
import type { KeyPattern } from '@forebay/core/key-pattern';
import type { Mount, ObjectRef } from '@forebay/core/mount';
import { ProtocolError } from '../wire/frame.ts';
import type { MountNames } from '../wire/mount-names.ts';
import { StaleMountError } from '../wire/wire-errors.ts';
import type { Fenced, OpenFences } from './open-fences.ts';

/** An object as it travels: the mount's name, its key at the UFS, and a version's id. */
export type WireObject = readonly [mountName: string, ufsKey: string, versionId?: string];

/** The reason of a call's signal where its connection was lost; another one: it was cancelled. */
export const callerLost: unique symbol = Symbol('the caller is lost');

export interface CallContext {
  readonly clientId: string;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Freed) => void;
}

/** An operation that a node offers beside its contract. Parameters and result are JSON. */
export type ExtraCall = (parameters: unknown, context: CallContext) => unknown;

export interface CallsOptions {
  readonly node: CacheNode;
  readonly names: MountNames;
  readonly fences: OpenFences;
  readonly extra: Readonly<Record<string, ExtraCall>>;
}

export class Calls {
  readonly #options: CallsOptions;

  constructor(options: CallsOptions) {
    this.#options = options;
  }

  /** @throws what the node throws; StaleMountError; ProtocolError for what is no call */
  async run(
    name: unknown,
    parameters: Readonly<Record<string, unknown>>,
    context: CallContext,
  ): Promise<unknown> {
    const { node, fences } = this.#options;
    const { clientId } = context;
    switch (name) {
      case 'beginWrite':
        return fences.begin(clientId, fenceIdIn(parameters), {
          fenced: this.#fenced(parameters),
          epoch: parameters.epoch === 'carried' ? 'carried' : epochIn(parameters),
        });
      case 'endWrite':
        return fences.end(clientId, fenceIdIn(parameters), {
          outcome: outcomeIn(parameters),
          epoch: epochIn(parameters),
          fenced: () => this.#fenced(parameters),
        });
      case 'stat':
        return node.stat(this.#question(parameters));
      case 'stats':
        return node.stats();
      case 'free':
        return node.free({
          keys: parameters.keys as KeyPattern,
          pinned: parameters.pinned === true,
          dryRun: parameters.dryRun === true,
          signal: context.signal,
          onProgress: context.onProgress,
        });
      default:
        return this.#extra(name, parameters, context);
    }
  }

  #extra(name: unknown, parameters: Readonly<Record<string, unknown>>, context: CallContext): unknown {
    const { extra } = this.#options;
    if (typeof name === 'string' && Object.hasOwn(extra, name)) {
      return extra[name]!(parameters.parameters, context);
    }
    throw new ProtocolError(`there is no call ${JSON.stringify(name)}`);
  }

  #question(parameters: Readonly<Record<string, unknown>>): ReadQuestion {
    const question = parameters.question as Omit<ReadQuestion, 'object'>;
    return { ...question, object: this.#object(parameters.object) };
  }

  #fenced({ objects, mount }: Readonly<Record<string, unknown>>): Fenced {
    if (typeof mount === 'string') return { mount: this.#mount(mount) };
    if (!Array.isArray(objects)) throw new ProtocolError('a fence on nothing');
    return { objects: objects.map((object) => this.#object(object)) };
  }

  #object(object: unknown): ObjectRef {
    const [name, ufsKey, versionId] = Array.isArray(object) ? (object as unknown[]) : [];
    if (typeof name !== 'string' || typeof ufsKey !== 'string') throw new ProtocolError('no object');
    return { mount: this.#mount(name), ufsKey, ...(typeof versionId === 'string' && { versionId }) };
  }

  #mount(name: string): Mount {
    const mount = this.#options.names.find(name);
    if (!mount) throw new StaleMountError(name);
    return mount;
  }
}

function fenceIdIn({ fenceId }: Readonly<Record<string, unknown>>): string {
  if (typeof fenceId === 'string') return fenceId;
  throw new ProtocolError('a fence without a name');
}

function outcomeIn({ outcome }: Readonly<Record<string, unknown>>): WriteOutcome {
  if (outcome === 'known' || outcome === 'unknown') return outcome;
  throw new ProtocolError('a write without an outcome');
}

function epochIn({ epoch }: Readonly<Record<string, unknown>>): number | undefined {
  if (epoch === undefined || typeof epoch === 'number') return epoch;
  throw new ProtocolError('an epoch without a number');
}
