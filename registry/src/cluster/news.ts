/**
 * What the active registry tells of views and epochs: whole to who has none, and else as a change of what it
 * has, where that is one of the last. One text, and one packed, for all who have the same.
 */
import { gzipSync } from 'node:zlib';
import { type WireMembership, wireEpochOf } from '@forebay/core/epoch-change';
import type { Epoch, Membership } from '@forebay/core/membership';
import type { RegistryView } from '@forebay/core/registry';
import type { ViewWriter } from '@forebay/core/view-text';

/** Of views and of epochs. Who waits for news is one behind, and a few where they are quick. */
const keptMax = 16;
const packedCharsMin = 16 * 1024;

export interface ViewText {
  readonly text: string;
  /** The same by gzip, where it is long: made once for all who ask. */
  readonly packed: Uint8Array<ArrayBuffer> | undefined;
}

export class News {
  readonly #writer: ViewWriter;
  /** That were told, by revision, oldest first. */
  readonly #views = new Map<number, RegistryView>();
  /** By number, oldest first; of one registry. */
  readonly #epochs = new Map<number, Epoch>();
  /** Of the newest view, by the revision that it is told to. */
  #texts = new Map<number | undefined, ViewText>();

  constructor(writer: ViewWriter) {
    this.#writer = writer;
  }

  /** @param after revision of the reader's view; undefined: it has none of this registry */
  textOf(view: RegistryView, after: number | undefined): ViewText {
    if (!this.#views.has(view.revision)) {
      keep(this.#views, view.revision, view);
      this.#texts = new Map();
    }
    const known = after === undefined ? undefined : this.#views.get(after);
    const made = this.#texts.get(known?.revision);
    if (made) return made;
    const text = this.#writer.textOf(view, known);
    const packed = text.length < packedCharsMin ? undefined : gzipSync(text, { level: 1 });
    const told = { text, packed };
    this.#texts.set(known?.revision, told);
    return told;
  }

  /** @param has the epoch that the reader says it has */
  membershipOf(
    { epoch, ...same }: Membership,
    has: { readonly registry: string | undefined; readonly epoch: number },
  ): WireMembership {
    if (!this.#epochs.has(epoch.number)) keep(this.#epochs, epoch.number, epoch);
    const known = this.#epochs.get(has.epoch);
    return { ...same, epoch: wireEpochOf(epoch, known?.registry === has.registry ? known : undefined) };
  }
}

function keep<T>(kept: Map<number, T>, key: number, value: T): void {
  kept.set(key, value);
  const [oldest] = kept.keys();
  if (kept.size > keptMax && oldest !== undefined) kept.delete(oldest);
}
