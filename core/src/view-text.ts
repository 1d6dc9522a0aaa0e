/**
 * A registry's view as JSON, as it travels to gateways and cache nodes and lies in their data directories.
 * Secret keys in it are sealed with a key that the roles of a cluster share.
 */
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

interface WireView {
  readonly state: string;
  readonly view: Omit<PlainView, 'users'> & { readonly users: readonly SealedUser[] };
  readonly root: SealedKeyPair;
}

const rootName = 'root';

export class ViewWriter {
  readonly #box: SecretBox;
  readonly #state: string;
  readonly #root: SealedKeyPair;
  /** Sealed once per user: many views hold the same ones. */
  readonly #sealed = new WeakMap<User, SealedUser>();

  constructor({ box, state, root }: { box: SecretBox; state: string; root: KeyPair }) {
    this.#box = box;
    this.#state = state;
    this.#root = sealedPair(root, rootName, box);
  }

  textOf(view: RegistryView): string {
    const users = view.users.users.map((user) => this.#userOf(user));
    const wire: WireView = { state: this.#state, view: { ...plainViewOf(view), users }, root: this.#root };
    return wireTextOf(wire);
  }

  #userOf(user: User): SealedUser {
    const known = this.#sealed.get(user);
    if (known) return known;
    const sealed = sealedUserOf(user, this.#box);
    this.#sealed.set(user, sealed);
    return sealed;
  }
}

/** @throws Error where the text is none of a view, or sealed with another key */
export function readView(text: string, box: SecretBox): ViewContent {
  const { state, view, root } = readWireText(text) as WireView;
  const users = view.users.map((user) => openedUser(user, box));
  return { state, view: { ...view, users }, root: openedPair(root, rootName, box) };
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
