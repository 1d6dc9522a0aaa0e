/**
 * What an operator does to what is cached: pins, and freeing. Keys are named as clients see them
 * (`s3://lake/hot/`). To free may take long, so its answer is lines of JSON: how far it is, and at last the
 * result with `"done": true`, or an error.
 */
import type { CacheNode } from '@forebay/core/cache-node';
import type { CacheRule, Pin } from '@forebay/core/cache-policy';
import type { Freed } from '@forebay/core/freeing';
import { type KeyPattern, parseKeyPattern } from '@forebay/core/key-pattern';
import type { Log } from '@forebay/core/log';
import type { Context, Hono } from 'hono';
import type { LocalRegistry } from '../local-registry.ts';
import { AdminError } from './admin-error.ts';
import { changed } from './audit.ts';
import { bodyUpTo, jsonBody, neededQuery } from './request.ts';

/** Keys whose pages are never evicted. */
export interface PinView {
  readonly keys: string;
  /** Left out for those of a rule. */
  readonly pinnedAt?: string;
  /** `start`: a rule of a flag or the config file; `runtime`: made with the API, and kept. */
  readonly origin: 'start' | 'runtime';
}

/** A line of the answer to a request to free. */
export interface FreedView extends Freed {
  readonly keys: string;
  /** Only counted. */
  readonly dryRun: boolean;
  readonly done: boolean;
}

export interface CachingDeps {
  readonly registry: Pick<LocalRegistry, 'view' | 'pin' | 'unpin'>;
  readonly cacheNode: Pick<CacheNode, 'free'>;
  readonly nowMs: () => number;
  readonly log: Log;
}

const bodyBytesMax = 64 * 1024;
/** So often a line, that nobody takes a long walk for a dead connection. */
const lineMs = 1000;
const nothing: Freed = { pages: 0, bytes: 0, pinnedPages: 0, pinnedBytes: 0 };

export function cachingRoutes(app: Hono, deps: CachingDeps): void {
  const { registry, nowMs } = deps;
  app.get('/api/v1/pins', (c) => c.json(pinsOf(registry.view())));
  app.post('/api/v1/pins', bodyUpTo(bodyBytesMax), async (c) => {
    const { keys } = await namedKeys(c, []);
    await registry.pin({ keys, pinnedAtMs: nowMs() });
    const pin = registry.view().pins.find((one) => one.keys.text === keys.text);
    changed(c, { action: 'pin.add', target: keys.text });
    return c.json(pin && pinView(pin), 201);
  });
  app.delete('/api/v1/pins', async (c) => {
    const keys = parseKeyPattern(neededQuery(c, 'keys'));
    refuseOthersPin(keys, registry.view());
    await registry.unpin(keys.text);
    changed(c, { action: 'pin.remove', target: keys.text });
    return c.json({ keys: keys.text });
  });
  app.post('/api/v1/free', bodyUpTo(bodyBytesMax), async (c) => {
    const { keys, flags } = await namedKeys(c, ['pinned', 'dryRun']);
    const how = { pinned: flags.pinned === true, dryRun: flags.dryRun === true };
    if (!how.dryRun) changed(c, { action: 'free', target: keys.text, after: { pinned: how.pinned } });
    return freeing(deps, keys, how);
  });
}

function pinsOf({ pins, rules }: { pins: readonly Pin[]; rules: readonly CacheRule[] }): PinView[] {
  const ofRules = rules.filter(({ options }) => options.pinned);
  return [
    ...ofRules.map(({ keys }): PinView => ({ keys: keys.text, origin: 'start' })),
    ...pins.map(pinView),
  ];
}

function pinView({ keys, pinnedAtMs }: Pin): PinView {
  return { keys: keys.text, pinnedAt: new Date(pinnedAtMs).toISOString(), origin: 'runtime' };
}

/** @throws AdminError where a rule, or a pin of more keys, is what pins them */
function refuseOthersPin(
  keys: KeyPattern,
  view: { pins: readonly Pin[]; rules: readonly CacheRule[] },
): void {
  if (view.pins.some((pin) => pin.keys.text === keys.text)) return;
  const rules = view.rules.filter(({ options }) => options.pinned);
  const holder = [...view.pins, ...rules].find(
    (one) => one.keys.bucket === keys.bucket && keys.prefix.startsWith(one.keys.prefix),
  );
  if (!holder) return;
  const isPin = view.pins.some((pin) => pin === holder);
  const what = isPin
    ? `it is ${holder.keys.text} that is pinned; unpin that, or add a rule with pin=false for ${keys.text}`
    : `the rule ${holder.keys.text} of the configuration pins it; change that`;
  throw new AdminError('Conflict', `${keys.text} is not pinned by itself: ${what}`);
}

/** @throws AdminError; ConfigError where the keys are none */
async function namedKeys(c: Context, flagNames: readonly string[]) {
  const { keys, ...flags } = await jsonBody(c);
  const unknown = Object.keys(flags).find((name) => !flagNames.includes(name));
  const fits = Object.values(flags).every((flag) => typeof flag === 'boolean');
  if (typeof keys !== 'string' || unknown !== undefined || !fits) {
    const names = flagNames.map((name) => `, "${name}"?: boolean`).join('');
    const extra = unknown === undefined ? '' : `; "${unknown}" is not known`;
    throw new AdminError('BadRequest', `the body is {"keys": "s3://bucket/prefix/"${names}}${extra}`);
  }
  return { keys: parseKeyPattern(keys), flags };
}

/** Goes on as long as somebody reads the answer. */
function freeing(
  { cacheNode, log }: CachingDeps,
  keys: KeyPattern,
  how: { readonly pinned: boolean; readonly dryRun: boolean },
): Response {
  const left = new AbortController();
  let freed = nothing;
  let timer: NodeJS.Timeout | undefined;
  const lines = new ReadableStream<Uint8Array>({
    async start(stream) {
      const write = (line: unknown) => stream.enqueue(Buffer.from(`${JSON.stringify(line)}\n`));
      const tell = (done: boolean) => {
        const view: FreedView = { keys: keys.text, dryRun: how.dryRun, ...freed, done };
        write(view);
      };
      timer = setInterval(() => tell(false), lineMs);
      const onProgress = (now: Freed) => {
        freed = now;
      };
      try {
        freed = await cacheNode.free({ keys, ...how, signal: left.signal, onProgress });
        log.info({ keys: keys.text, ...how, ...freed }, 'freed');
        tell(true);
      } catch (error) {
        if (left.signal.aborted) return;
        log.error({ keys: keys.text, reason: String(error) }, 'the pages cannot be freed');
        write({ error: { code: 'Internal', message: 'something failed; the log says what' } });
      } finally {
        clearInterval(timer);
      }
      stream.close();
    },
    cancel() {
      clearInterval(timer);
      left.abort(new Error('nobody waits for the answer'));
    },
  });
  return new Response(lines, { headers: { 'content-type': 'application/x-ndjson' } });
}
