/** The registry as a worker has it: the owner's view, kept up to date by the owner, who makes all changes. */

import { type PlainView, viewOf } from '@forebay/core/plain-view';
import type { Registry, RegistryView } from '@forebay/core/registry';

export class RegistryReplica implements Registry {
  readonly #listeners = new Set<(view: RegistryView) => unknown>();
  #view: RegistryView;

  constructor(view: PlainView) {
    this.#view = viewOf(view, undefined);
  }

  view(): RegistryView {
    return this.#view;
  }

  watch(listener: (view: RegistryView) => unknown): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** From now on this view counts. */
  update(view: PlainView): void {
    this.#view = viewOf(view, this.#view);
    for (const listener of this.#listeners) listener(this.#view);
  }

  readonly join = notHere;
  readonly leave = notHere;
  readonly mount = notHere;
  readonly unmount = notHere;
  readonly addUser = notHere;
  readonly removeUser = notHere;
  readonly pin = notHere;
  readonly unpin = notHere;
}

function notHere(): Promise<never> {
  return Promise.reject(new Error('a worker does not change the registry'));
}
