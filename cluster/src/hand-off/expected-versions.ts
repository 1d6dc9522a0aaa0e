/**
 * The versions of which this node was given pages, without their info: what a read of an object that is
 * unknown here probably is of. Never an answer: the UFS is asked in any case, but by a HEAD where that is
 * enough.
 */
import { infoSlotOf, type ObjectRef, placementKeyOf } from '@forebay/core/mount';
import { type ObjectInfo, versionOf } from '@forebay/core/object';

/** Of about 300 bytes. */
const entriesMax = 50_000;

export class ExpectedVersions {
  /** The oldest first. */
  readonly #versions = new Map<string, string>();

  note(object: ObjectRef, info: ObjectInfo): void {
    const name = nameOf(object);
    this.#versions.delete(name);
    this.#versions.set(name, versionOf(info));
    if (this.#versions.size <= entriesMax) return;
    const [oldest] = this.#versions.keys();
    this.#versions.delete(oldest!);
  }

  /** Once: whoever asks knows the info from then on. */
  take(object: ObjectRef): string | undefined {
    const name = nameOf(object);
    const version = this.#versions.get(name);
    this.#versions.delete(name);
    return version;
  }
}

function nameOf(object: ObjectRef): string {
  return `${infoSlotOf(object)}\0${placementKeyOf(object)}`;
}
