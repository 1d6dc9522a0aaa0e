/** Any listing of any keys equals what a sorted array gives. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { UfsListRequest } from '../ufs.ts';
import { putObject, type Subject, type UfsCapabilities } from './support.ts';

const pieces = ['a', 'b', 'ab', '/', '/', '.', '-', '0', ' ', '%', 'é', '\uFF21', '\u{1F600}'];
const text = (minPieces: number) =>
  fc.array(fc.constantFrom(...pieces), { minLength: minPieces, maxLength: 6 }).map((parts) => parts.join(''));

const request = fc.record({
  prefix: fc.oneof(fc.constant(''), text(0)),
  delimiter: fc.constantFrom(undefined, '/', '/', 'a', 'b/', '-', '//'),
  startAfter: fc.option(text(1), { nil: undefined }),
  maxKeys: fc.integer({ min: 0, max: 12 }),
});

interface Model {
  readonly keys: string[];
  readonly prefixes: string[];
  readonly truncated: boolean;
}

/** S3-WIRE 105 to 110 over an array, as plainly as it can be said. */
function modelOf(keys: readonly string[], request: UfsListRequest): Model {
  const { prefix, delimiter, startAfter, maxKeys } = request;
  const compare = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
  const shown = new Map<string, 'key' | 'prefix'>();
  for (const key of [...keys].sort(compare)) {
    if (!key.startsWith(prefix)) continue;
    const at = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length);
    const item = at < 0 ? key : key.slice(0, at + delimiter!.length);
    if (startAfter === undefined || compare(item, startAfter) > 0) shown.set(item, at < 0 ? 'key' : 'prefix');
  }
  const page = [...shown].slice(0, maxKeys);
  return {
    keys: page.filter(([, kind]) => kind === 'key').map(([item]) => item),
    prefixes: page.filter(([, kind]) => kind === 'prefix').map(([item]) => item),
    truncated: maxKeys > 0 && shown.size > maxKeys,
  };
}

/** What a store that is no `anyKey` one may refuse. */
function isOdd(name: string, names: readonly string[]): boolean {
  if (name.split('/').some((segment) => segment === '' || segment === '.' || segment === '..')) return true;
  return names.some((other) => other.startsWith(`${name}/`));
}

export function describeListModel(subject: () => Subject, capabilities: UfsCapabilities): void {
  const { anyKey, listModelRuns, startAfterEndsGroup } = capabilities;
  it('lists what the model lists', async () => {
    const keySets = fc.uniqueArray(text(1), { minLength: 1, maxLength: 15 });
    const requests = fc.array(request, { minLength: 1, maxLength: 12 });
    const listing = fc.asyncProperty(keySets, requests, async (drawn, drawnRequests) => {
      const { ufs, scope } = subject();
      const names = anyKey ? drawn : drawn.filter((name) => !isOdd(name, drawn));
      for (const name of names) await putObject(ufs, scope + name, name);
      for (const { prefix, startAfter, ...rest } of drawnRequests) {
        const asked = {
          ...rest,
          prefix: scope + prefix,
          startAfter: startAfter === undefined ? undefined : scope + startAfter,
        };
        if (!startAfterEndsGroup && asked.delimiter !== undefined) asked.startAfter = undefined;
        const keys = names.map((name) => scope + name);
        const { entries, commonPrefixes, truncated } = await ufs.list(asked);
        const listed = { keys: entries.map(({ key }) => key), prefixes: [...commonPrefixes], truncated };
        expect(listed).toEqual(modelOf(keys, asked));
      }
      await ufs.deleteMany(
        names.map((name) => ({ key: scope + name })),
        [],
      );
    });
    await fc.assert(listing, { numRuns: listModelRuns });
  }, 120_000);
}
