/** Checksum elements of XML documents: `ChecksumCRC32`, ..., and `ChecksumType`. */

/** Of an SDK output, in its order. */
export function checksumsOf(output: object | undefined): [element: string, value: string][] {
  return Object.entries(output ?? {}).filter(
    (entry): entry is [string, string] =>
      entry[0].startsWith('Checksum') && entry[0] !== 'ChecksumAlgorithm' && typeof entry[1] === 'string',
  );
}
