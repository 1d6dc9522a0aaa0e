/** Values of XML documents, in the form that headers have them. */

/** Checksum elements of an SDK output, in its order: `ChecksumCRC32`, ..., and `ChecksumType`. */
export function checksumsOf(output: object | undefined): [element: string, value: string][] {
  return Object.entries(output ?? {}).filter(
    (entry): entry is [string, string] =>
      entry[0].startsWith('Checksum') && entry[0] !== 'ChecksumAlgorithm' && typeof entry[1] === 'string',
  );
}

/**
 * Some stores leave the quotes out in documents, and would seem to name another version than the header
 * does.
 */
export function quotedEtag(etag: string | undefined): string | undefined {
  if (etag === undefined || etag === '') return undefined;
  return etag.endsWith('"') ? etag : `"${etag}"`;
}
