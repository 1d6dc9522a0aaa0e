/** What a directory cannot do and answers otherwise than with 501: by check, what is seen, and why. */
interface Limit {
  readonly observed: string;
  readonly reason: string;
}

const noVersions = 'a directory keeps no versions';
const areMounts = 'its buckets are mounts';
const bucketChecks = ['118', '118.2', '118.3', '119', 'CreateBucket', 'DeleteBucket'];

export const directoryLimits: Readonly<Record<string, Limit>> = {
  '67.2': {
    observed: 'without x-amz-checksum-crc64nvme',
    reason: 'it keeps the checksums it is given, and adds none',
  },
  83: { observed: '400 InvalidArgument', reason: noVersions },
  '83.3': { observed: 'without x-amz-delete-marker', reason: noVersions },
  '83.5': { observed: 'without x-amz-delete-marker', reason: noVersions },
  '83.6': { observed: 'a marker in the list of versions', reason: noVersions },
  '92.4': { observed: '400 InvalidArgument', reason: noVersions },
  '114.2': { observed: 'marker', reason: noVersions },
  '114.3': { observed: 'truncated', reason: noVersions },
  '124.2': { observed: 'without x-amz-version-id', reason: noVersions },
  126: { observed: '200', reason: 'a directory has no owner' },
  ...Object.fromEntries(bucketChecks.map((id) => [id, { observed: '403 AccessDenied', reason: areMounts }])),
};
