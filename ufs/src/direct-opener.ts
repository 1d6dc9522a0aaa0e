/**
 * Reads past the cache: what cannot be cached, and what changes faster than it can be opened. Nothing is
 * installed, stored or resumed here.
 */
import type { AbsentObject, OpenedObject, OpenRequest } from '@forebay/core/cache-node';
import type { Clock } from '@forebay/core/clock';
import { ForebayError, isAbsence, isUfsAnswer } from '@forebay/core/errors';
import type { ObjectRef } from '@forebay/core/mount';
import { hasStrongEtag, type ObjectInfo, versionOf } from '@forebay/core/object';
import { absentOf, openedOf } from '@forebay/core/open-answers';
import { planOf } from '@forebay/core/open-plan';
import type { RangeRequest } from '@forebay/core/range';
import { DirectBody } from './direct-body.ts';
import type { Ufs, UfsObject } from './ufs.ts';

export interface DirectOpenerOptions {
  readonly nodeId: string;
  readonly clock: Clock;
  /** Told of bytes that go to the client. */
  readonly onBytes: (count: number) => void;
}

export class DirectOpener {
  readonly #options: DirectOpenerOptions;

  constructor(options: DirectOpenerOptions) {
    this.#options = options;
  }

  /** @throws ForebayError `version-changed` before the first byte: open again. */
  async open(request: OpenRequest, ufs: Ufs, cache: 'MISS' | 'BYPASS'): Promise<OpenedObject | AbsentObject> {
    const answered = this.#answered(cache);
    try {
      if (request.want === 'info' || request.ifRange) return await this.#headFirst(request, ufs, answered);
      return await this.#plain(request, ufs, answered);
    } catch (error) {
      if (isAbsence(error)) return absentOf({ answer: error.answer, ...answered() });
      throw error;
    }
  }

  async #plain(request: OpenRequest, ufs: Ufs, answered: () => Answered): Promise<OpenedObject> {
    const { object, range, signal } = request;
    let opened: UfsObject;
    try {
      opened = await ufs.get(object.ufsKey, { range, versionId: object.versionId, signal });
    } catch (error) {
      // Only a HEAD tells the size that a 416 must name.
      if (!isUfsAnswer(error) || error.answer.status !== 416) throw error;
      return this.#headFirst(request, ufs, answered);
    }
    const plan = planOf(request, opened.info);
    const found = { ...plan, info: opened.info, ...answered() };
    if (plan.range === 'unsatisfiable' || plan.condition !== 'met') {
      await leave(opened);
      return openedOf(found);
    }
    return openedOf({ ...found, body: new DirectBody(opened, plan.range, this.#options.onBytes) });
  }

  /** Where the answer's shape depends on what the object is. */
  async #headFirst(request: OpenRequest, ufs: Ufs, answered: () => Answered): Promise<OpenedObject> {
    const { object, signal } = request;
    const info = await ufs.head(object.ufsKey, { versionId: object.versionId, signal });
    const plan = planOf(request, info);
    if (request.want === 'info' || plan.range === 'unsatisfiable' || plan.condition !== 'met') {
      return openedOf({ ...plan, info, ...answered() });
    }
    const range = plan.whole ? undefined : ({ kind: 'span', ...plan.range } as const);
    const opened = await getVersion(ufs, object, { info, range, signal });
    const body = new DirectBody(opened, plan.range, this.#options.onBytes);
    return openedOf({ ...plan, info: opened.info, ...answered(), body });
  }

  #answered(cache: 'MISS' | 'BYPASS'): () => Answered {
    const { nodeId, clock } = this.#options;
    const sentAtMs = clock.monotonicMs();
    return () => ({ nodeId, cache, ageMs: clock.monotonicMs() - sentAtMs });
  }
}

type Answered = Pick<OpenedObject, 'nodeId' | 'cache' | 'ageMs'>;

/** The version that a HEAD told of, and no other. */
async function getVersion(
  ufs: Ufs,
  { ufsKey, versionId }: ObjectRef,
  asked: { info: ObjectInfo; range: RangeRequest | undefined; signal: AbortSignal },
): Promise<UfsObject> {
  const { info, range, signal } = asked;
  // A weak ETag never meets If-Match.
  const ifMatch = hasStrongEtag(info) ? info.etag : undefined;
  let opened: UfsObject;
  try {
    opened = await ufs.get(ufsKey, { range, versionId, ifMatch, signal });
  } catch (error) {
    if (isUfsAnswer(error) && [412, 416].includes(error.answer.status)) throw changed(error);
    throw error;
  }
  if (versionOf(opened.info) === versionOf(info)) return opened;
  await leave(opened);
  throw changed(undefined);
}

function changed(cause: unknown): ForebayError {
  return new ForebayError('version-changed', 'the object changed while it was opened', { cause });
}

async function leave(opened: UfsObject): Promise<void> {
  await opened.body[Symbol.asyncIterator]().return?.();
}
