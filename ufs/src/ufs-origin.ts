/** Where bytes came from: the store, or another cache node that had them. */
export type UfsOrigin = 'ufs' | 'peer';

export function originOf({ origin }: { readonly origin?: (() => UfsOrigin) | undefined }): UfsOrigin {
  return origin?.() ?? 'ufs';
}
