/**
 * Cache policies: for every key, how its pages are kept. A mount's options hold for all of its keys; rules
 * and pins say otherwise for a prefix, option by option: each option comes from the longest rule that sets
 * it. Lookups are compiled: one binary search over the bucket's rules, and an object made once per mount and
 * rule.
 */
import type { KeyPattern } from './key-pattern.ts';
import type { Mount } from './mount.ts';

export type Priority = 'low' | 'normal' | 'high';

export interface CachePolicy {
  /** For people: which mount, rule or pin decides, e.g. `mount /lake` or `rule s3://lake/hot/`. */
  readonly rule: string;
  /**
   * Whose bytes are counted and limited together: the path of the longest rule with a quota, else the
   * mount's.
   */
  readonly scope: string;
  /** Undefined: unlimited. */
  readonly quotaBytes: number | undefined;
  /** Low goes first where room is needed. */
  readonly priority: Priority;
  /** Never evicted. */
  readonly pinned: boolean;
  /** Requests for a page before it is stored; 1: stored at its first. */
  readonly minUses: number;
  /** Pages are dropped this long after their fill; undefined: never. */
  readonly cacheTtlMs: number | undefined;
  /** Larger objects are never cached. */
  readonly maxObjectSizeBytes: number;
}

/** What a rule says; absent: as without it. `Infinity`: no quota, no end. */
export interface CacheOptions {
  readonly quotaBytes?: number;
  readonly priority?: Priority;
  readonly pinned?: boolean;
  readonly minUses?: number;
  readonly cacheTtlMs?: number;
  readonly maxObjectSizeBytes?: number;
}

export interface CacheRule {
  readonly keys: KeyPattern;
  readonly options: CacheOptions;
}

/** Keys that are never evicted, as an operator asked for while Forebay was running. */
export interface Pin {
  readonly keys: KeyPattern;
  readonly pinnedAtMs: number;
}

/** What rules and pins say of the keys that begin with `text`, or of the one key that it is. */
interface Entry {
  readonly text: string;
  readonly exact: boolean;
  /** `rule s3://lake/hot/` */
  readonly rule: string;
  readonly scope: string;
  readonly options: CacheOptions;
  /** The longest other entry that holds all of this one's keys. */
  parent: Entry | undefined;
  /** Made when they are first asked for. */
  readonly policies: WeakMap<Mount, CachePolicy>;
}

export class CachePolicies {
  #ofMounts = new WeakMap<Mount, CachePolicy>();
  #byBucket: ReadonlyMap<string, readonly Entry[]> = new Map();
  #rules: readonly CacheRule[] = [];
  #pins: readonly Pin[] = [];

  constructor(given: { readonly rules?: readonly CacheRule[]; readonly pins?: readonly Pin[] } = {}) {
    this.update(given);
  }

  get rules(): readonly CacheRule[] {
    return this.#rules;
  }

  get pins(): readonly Pin[] {
    return this.#pins;
  }

  /** What is left out stays as it is. Policies asked for from now on are by the new rules. */
  update(given: { readonly rules?: readonly CacheRule[]; readonly pins?: readonly Pin[] }): void {
    const { rules = this.#rules, pins = this.#pins } = given;
    if (rules === this.#rules && pins === this.#pins) return;
    this.#rules = rules;
    this.#pins = pins;
    this.#byBucket = compile(this.#rules, this.#pins);
  }

  /** The policy of a key as clients see it, through the mount that holds it. */
  policyOf(mount: Mount, key: string): CachePolicy {
    const entries = this.#byBucket.get(mount.bucket);
    const entry = entries && entryOf(entries, key);
    return entry ? policyOfEntry(entry, mount) : this.#policyOfMount(mount);
  }

  #policyOfMount(mount: Mount): CachePolicy {
    const known = this.#ofMounts.get(mount);
    if (known) return known;
    const made = mountPolicy(mount);
    this.#ofMounts.set(mount, made);
    return made;
  }
}

function mountPolicy(mount: Mount): CachePolicy {
  const { path, quotaBytes, priority, minUses, cacheTtlMs, maxObjectSizeBytes } = mount;
  const scoped = { rule: `mount ${path}`, scope: path, quotaBytes, priority };
  return { ...scoped, pinned: false, minUses, cacheTtlMs, maxObjectSizeBytes };
}

function policyOfEntry(entry: Entry, mount: Mount): CachePolicy {
  const known = entry.policies.get(mount);
  if (known) return known;
  const outer = entry.parent ? policyOfEntry(entry.parent, mount) : mountPolicy(mount);
  const { quotaBytes, cacheTtlMs, ...options } = entry.options;
  const made = {
    ...outer,
    ...options,
    rule: entry.rule,
    ...(quotaBytes !== undefined && { scope: entry.scope, quotaBytes: finite(quotaBytes) }),
    ...(cacheTtlMs !== undefined && { cacheTtlMs: finite(cacheTtlMs) }),
  };
  entry.policies.set(mount, made);
  return made;
}

function finite(value: number): number | undefined {
  return value === Number.POSITIVE_INFINITY ? undefined : value;
}

/**
 * The last entry at or before the key begins with every other entry that the key begins with, so the longest
 * of them is found along its parents.
 */
function entryOf(entries: readonly Entry[], key: string): Entry | undefined {
  let low = 0;
  let high = entries.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (entries[middle]!.text <= key) low = middle + 1;
    else high = middle;
  }
  let entry = entries[low - 1];
  while (entry && !holds(entry, key)) entry = entry.parent;
  return entry;
}

function holds(entry: Entry, key: string): boolean {
  return entry.exact ? entry.text === key : key.startsWith(entry.text);
}

/** By bucket: entries in the order of their texts, the one for an exact key after the prefix of that text. */
function compile(rules: readonly CacheRule[], pins: readonly Pin[]): Map<string, Entry[]> {
  const byBucket = new Map<string, Map<string, Entry>>();
  for (const rule of rules) enter(byBucket, rule, 'rule');
  for (const { keys } of pins) enter(byBucket, { keys, options: { pinned: true } }, 'pin');
  const compiled = new Map<string, Entry[]>();
  for (const [bucket, entries] of byBucket) compiled.set(bucket, linked([...entries.values()]));
  return compiled;
}

/** Rules and a pin for the same keys make one entry: each option by who was last to set it. */
function enter(
  byBucket: Map<string, Map<string, Entry>>,
  { keys, options }: CacheRule,
  kind: 'rule' | 'pin',
): void {
  const entries = byBucket.get(keys.bucket) ?? new Map<string, Entry>();
  byBucket.set(keys.bucket, entries);
  const add = (text: string, exact: boolean) => {
    const id = `${exact ? '=' : '/'}${text}`;
    const before = entries.get(id);
    entries.set(id, {
      text,
      exact,
      rule: `${before ? `${before.rule}, ` : ''}${kind} ${keys.text}`,
      scope: options.quotaBytes === undefined ? (before?.scope ?? keys.text) : keys.text,
      options: { ...before?.options, ...options },
      parent: undefined,
      policies: new WeakMap(),
    });
  };
  add(keys.prefix, false);
  if (keys.key !== undefined) add(keys.key, true);
}

function linked(entries: Entry[]): Entry[] {
  entries.sort((a, b) => (a.text === b.text ? Number(a.exact) - Number(b.exact) : a.text < b.text ? -1 : 1));
  // Those that hold the entry before, longest last.
  const outer: Entry[] = [];
  for (const entry of entries) {
    while (outer.length > 0 && !holds(outer.at(-1)!, entry.text)) outer.pop();
    entry.parent = outer.at(-1);
    outer.push(entry);
  }
  return entries;
}
