/**
 * A registry's view as JSON, as it travels to gateways and cache nodes and lies in their data directories.
 * Secret keys in it are sealed with a key that the roles of a cluster share. Who has an earlier view is told
 * what is not as it was there.
 */
import { epochOf, type WireMembership, wireEpochOf } from './epoch-change.ts';
import type { Membership } from './membership.ts';
import { type PlainUser, type PlainView, plainUserOf, plainViewOf } from './plain-view.ts';
import type { RegistryView } from './registry.ts';
import type { SecretBox } from './secret-box.ts';
import type { User } from './user.ts';

export interface KeyPair {
  readonly accessKey: string;
  readonly secretKey: string;
}

interface SealedKeyPair {
  readonly accessKey: string;
  readonly sealedSecretKey: string;
}

export type SealedUser = Omit<PlainUser, 'secretKey'> & SealedKeyPair;

export interface ViewContent {
  /** Names the process of the registry that counts the revision: one of another says nothing of it. */
  readonly state: string;
  readonly view: PlainView;
  /** The root user's. */
  readonly root: KeyPair;
}

/** What a view has beside its revision and the membership. */
type Records = Omit<PlainView, 'users' | 'revision' | 'membership'> & {
  readonly users: readonly SealedUser[];
};

interface WireHead {
  readonly state: string;
  readonly root: SealedKeyPair;
}

/** A view that needs no other one to be read. */
export interface WholeView extends WireHead {
  readonly view: Records & Pick<PlainView, 'revision' | 'membership'>;
}

interface ViewChange extends WireHead {
  /** Revision of the view that it changes, of the same state. */
  readonly since: number;
  readonly view: Partial<Records> & { readonly revision: number; readonly membership?: WireMembership };
}

const rootName = 'root';

export class ViewWriter {
  readonly #box: SecretBox;
  readonly #head: WireHead;
  /** Sealed once per user: many views hold the same ones. */
  readonly #sealed = new WeakMap<User, SealedUser>();
  /** The JSON of a view's records, by their names. */
  readonly #records = new WeakMap<RegistryView, ReadonlyMap<string, string>>();

  constructor({ box, state, root }: { box: SecretBox; state: string; root: KeyPair }) {
    this.#box = box;
    this.#head = { state, root: sealedPair(root, rootName, box) };
  }

  /** @param known that the reader has, of the same writer; undefined: it has none */
  textOf(view: RegistryView, known?: RegistryView): string {
    const { revision, membership } = view;
    const records = this.#recordsOf(view);
    const before = known && this.#recordsOf(known);
    // What was there and is no more cannot be told as a change.
    const isChange = before !== undefined && [...before.keys()].every((name) => records.has(name));
    const texts = [...records].filter(([name, text]) => !isChange || before.get(name) !== text);
    const told = membership && isChange ? changeOf(membership, known?.membership) : membership;
    const parts = [
      ...[`"revision":${revision}`, ...texts.map(([name, text]) => `"${name}":${text}`)],
      ...(told ? [`"membership":${wireTextOf(told)}`] : []),
    ];
    const head = wireTextOf({ ...this.#head, ...(isChange && { since: known!.revision }) });
    return `${head.slice(0, -1)},"view":{${parts.join(',')}}}`;
  }

  #recordsOf(view: RegistryView): ReadonlyMap<string, string> {
    const known = this.#records.get(view);
    if (known) return known;
    const { revision: _, membership: __, users: ___, ...others } = plainViewOf(view);
    const users = view.users.users.map((user) => this.#userOf(user));
    const entries = Object.entries({ ...others, users }).filter(([, value]) => value !== undefined);
    const records = new Map(entries.map(([name, value]) => [name, wireTextOf(value)]));
    this.#records.set(view, records);
    return records;
  }

  #userOf(user: User): SealedUser {
    const known = this.#sealed.get(user);
    if (known) return known;
    const sealed = sealedUserOf(user, this.#box);
    this.#sealed.set(user, sealed);
    return sealed;
  }
}

/**
 * @param known that the registry was said to be known
 * @throws Error where the text is none of a view, or about another one than `known`
 */
export function readView(text: string, known?: WholeView): WholeView {
  const wire = readWireText(text) as WholeView | ViewChange;
  if (!('since' in wire)) return wire;
  const { since, view, ...head } = wire;
  if (known?.state !== head.state || known.view.revision !== since) {
    throw new Error('the registry speaks of a view that is not known here');
  }
  const { membership: change, ...records } = view;
  const { membership: before } = known.view;
  const membership = change ? { ...change, epoch: epochOf(change.epoch, before?.epoch) } : before;
  return { ...head, view: { ...known.view, ...records, membership } };
}

/** @throws Error where it was sealed with another key */
export function openedView({ state, view, root }: WholeView, box: SecretBox): ViewContent {
  const users = view.users.map((user) => openedUser(user, box));
  return { state, view: { ...view, users }, root: openedPair(root, rootName, box) };
}

function changeOf({ epoch, ...same }: Membership, before: Membership | undefined): WireMembership {
  return { ...same, epoch: wireEpochOf(epoch, before?.epoch) };
}

export function sealedUserOf(user: User, box: SecretBox): SealedUser {
  const { secretKey: _, ...open } = plainUserOf(user);
  return { ...open, ...sealedPair(user, user.name, box) };
}

/** @throws Error where it was sealed with another key, or changed */
export function openedUser({ sealedSecretKey, ...open }: SealedUser, box: SecretBox): PlainUser {
  return { ...open, ...openedPair({ ...open, sealedSecretKey }, open.name, box) };
}

function sealedPair({ accessKey, secretKey }: KeyPair, name: string, box: SecretBox): SealedKeyPair {
  return { accessKey, sealedSecretKey: box.seal(secretKey, ownerOf(name, accessKey)) };
}

function openedPair({ accessKey, sealedSecretKey }: SealedKeyPair, name: string, box: SecretBox): KeyPair {
  return { accessKey, secretKey: box.open(sealedSecretKey, ownerOf(name, accessKey)) };
}

function ownerOf(name: string, accessKey: string): string {
  return `${name}\0${accessKey}`;
}

/** JSON has no word for it, and mounts have options without a bound. No text of a view begins so. */
const infinityText = '\u0000Infinity';

/** JSON that keeps `Infinity`. */
export function wireTextOf(value: unknown): string {
  return JSON.stringify(value, (_, part) => (part === Number.POSITIVE_INFINITY ? infinityText : part));
}

/** @throws SyntaxError where it is no JSON */
export function readWireText(text: string): unknown {
  return JSON.parse(text, (_, part) => (part === infinityText ? Number.POSITIVE_INFINITY : part));
}
