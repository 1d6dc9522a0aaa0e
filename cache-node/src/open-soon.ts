/**
 * `openSoon` by `open`: a gateway in the same process waits for a miss without Node's request and response
 * (docs/decisions/0012-lean-request.md).
 */
import type { AbsentObject, OpenedObject, OpenedSoon, OpenRequest } from '@forebay/core/cache-node';

type Open = (request: OpenRequest) => Promise<OpenedObject | AbsentObject>;

/** As `CacheNode.openSoon`. */
export function openBy(open: Open, request: OpenRequest, done: OpenedSoon): () => void {
  const left = new AbortController();
  const { signal } = left;
  const { object, want, range, conditions, ifRange, needChecksums = false, epoch, goneVersion } = request;
  const question = { object, want, range, conditions, ifRange, needChecksums, epoch, goneVersion };
  open({ ...question, signal }).then(
    (opened) => {
      const stream = streamOf(opened);
      if (signal.aborted) void stream?.return?.().catch(() => {});
      else {
        if (stream) endWith(request.signal, left);
        done(opened);
      }
    },
    (error: unknown) => {
      if (!signal.aborted) done(undefined, error);
    },
  );
  return () => left.abort(new Error('the client has gone'));
}

function streamOf(opened: OpenedObject | AbsentObject): AsyncIterator<Uint8Array> | undefined {
  const body = opened.kind === 'object' ? opened.body : undefined;
  return body instanceof Uint8Array ? undefined : body?.[Symbol.asyncIterator]();
}

/** A stream ends with the request that it answers. */
function endWith(signal: AbortSignal, left: AbortController): void {
  const end = () => left.abort(signal.reason);
  if (signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
}
