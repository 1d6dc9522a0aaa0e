/** What is stored here, for hand-off: told to the nodes that own it by now, and taken over from others. */
import type { KeptObject, KeptPages } from '@forebay/core/kept-pages';
import type { MountTable, ObjectRef } from '@forebay/core/mount';
import { hasStrongEtag, infoOfVersion, type ObjectInfo } from '@forebay/core/object';
import type { FillContext } from './fill/fill-context.ts';
import { pagedObjectOf, pageSetOf } from './fill/page-source.ts';
import { isMissing } from './fill/send-fill.ts';

export class HandedPages implements KeptPages {
  readonly #fills: FillContext;
  readonly #mounts: () => MountTable;

  constructor(fills: FillContext, mounts: () => MountTable) {
    this.#fills = fills;
    this.#mounts = mounts;
  }

  async each(take: (kept: KeptObject) => Promise<void>, signal: AbortSignal): Promise<void> {
    await this.#fills.store.each(async ({ set, of, indexes, hot }) => {
      signal.throwIfAborted();
      const object = this.find(of.path, of.mountPath);
      const info = infoOfVersion(of.version, of.sizeBytes);
      // Not of pages of another size, which the mount had before.
      if (!object || !info || pageSetOf(object, info) !== set) return;
      await take({ path: of.path, object, info, indexes, hot });
    });
  }

  find(path: string, mountPath: string): ObjectRef | undefined {
    const slash = path.indexOf('/');
    const object = this.#mounts().resolve(path.slice(0, slash), path.slice(slash + 1));
    return object?.mount.path === mountPath ? object : undefined;
  }

  has(object: ObjectRef, info: ObjectInfo, index: number): boolean {
    return !isMissing(this.#fills, pageSetOf(object, info), index);
  }

  async put(page: {
    object: ObjectRef;
    info: ObjectInfo;
    index: number;
    bytes: Uint8Array;
  }): Promise<boolean> {
    const { object, info, index, bytes } = page;
    if (!hasStrongEtag(info)) return false;
    const { pageSizeBytes } = object.mount;
    // It was asked for often enough elsewhere.
    const policy = { ...this.#fills.policyOf(object), minUses: 1 };
    const of = pagedObjectOf({ object, info, pageSizeBytes, policy });
    return this.#fills.store.put({ set: pageSetOf(object, info), index }, bytes, of);
  }
}
