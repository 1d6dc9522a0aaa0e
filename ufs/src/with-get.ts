/** The same store, but for the way in which its objects are read. */
import type { Ufs } from './ufs.ts';

/** @param get in place of the store's own; all else goes to `ufs` as it is */
export function withGet(ufs: Ufs, get: Ufs['get']): Ufs {
  return {
    identity: ufs.identity,
    region: ufs.region,
    get circuit() {
      return ufs.circuit;
    },
    queue: ufs.queue,
    usedBy: (use) => ufs.usedBy(use),
    get,
    forward: ufs.forward.bind(ufs),
    head: ufs.head.bind(ufs),
    list: ufs.list.bind(ufs),
    listVersions: ufs.listVersions.bind(ufs),
    checkBucket: ufs.checkBucket.bind(ufs),
    put: ufs.put.bind(ufs),
    delete: ufs.delete.bind(ufs),
    deleteMany: ufs.deleteMany.bind(ufs),
    copy: ufs.copy.bind(ufs),
    createUpload: ufs.createUpload.bind(ufs),
    uploadPart: ufs.uploadPart.bind(ufs),
    uploadPartCopy: ufs.uploadPartCopy.bind(ufs),
    completeUpload: ufs.completeUpload.bind(ufs),
    abortUpload: ufs.abortUpload.bind(ufs),
    listParts: ufs.listParts.bind(ufs),
    listUploads: ufs.listUploads.bind(ufs),
    close: () => ufs.close(),
  };
}
