/**
 * The operations that go to the UFS as they are, by name, so that each shows up under its own in log and
 * metrics, and no other sub-resource reaches a UFS that could take it for something else (S3-WIRE 120).
 */
import type { Operation, OperationTarget } from './operation.ts';
import { forwardBucketRead, forwardBucketWrite } from './operations/bucket-configuration.ts';
import {
  forwardObjectRead,
  forwardObjectWrite,
  getObjectAttributes,
  refuseSelection,
} from './operations/forward.ts';

/** `METHOD Name sub-resource [query...]`, the way AWS's reference lists them. */
const bucketOperations = [
  'GET GetBucketAbac abac',
  'PUT PutBucketAbac abac',
  'GET GetBucketAccelerateConfiguration accelerate',
  'PUT PutBucketAccelerateConfiguration accelerate',
  'GET GetBucketAcl acl',
  'PUT PutBucketAcl acl',
  'GET ListBucketAnalyticsConfigurations analytics',
  'GET GetBucketAnalyticsConfiguration analytics id',
  'PUT PutBucketAnalyticsConfiguration analytics',
  'DELETE DeleteBucketAnalyticsConfiguration analytics',
  'GET GetBucketCors cors',
  'PUT PutBucketCors cors',
  'DELETE DeleteBucketCors cors',
  'GET GetBucketEncryption encryption',
  'PUT PutBucketEncryption encryption',
  'DELETE DeleteBucketEncryption encryption',
  'GET ListBucketIntelligentTieringConfigurations intelligent-tiering',
  'GET GetBucketIntelligentTieringConfiguration intelligent-tiering id',
  'PUT PutBucketIntelligentTieringConfiguration intelligent-tiering',
  'DELETE DeleteBucketIntelligentTieringConfiguration intelligent-tiering',
  'GET ListBucketInventoryConfigurations inventory',
  'GET GetBucketInventoryConfiguration inventory id',
  'PUT PutBucketInventoryConfiguration inventory',
  'DELETE DeleteBucketInventoryConfiguration inventory',
  'GET GetBucketLifecycleConfiguration lifecycle',
  'PUT PutBucketLifecycleConfiguration lifecycle',
  'DELETE DeleteBucketLifecycle lifecycle',
  'GET GetBucketLogging logging',
  'PUT PutBucketLogging logging',
  'POST CreateBucketMetadataConfiguration metadataConfiguration',
  'GET GetBucketMetadataConfiguration metadataConfiguration',
  'DELETE DeleteBucketMetadataConfiguration metadataConfiguration',
  'PUT UpdateBucketMetadataInventoryTableConfiguration metadataInventoryTable',
  'PUT UpdateBucketMetadataJournalTableConfiguration metadataJournalTable',
  'POST CreateBucketMetadataTableConfiguration metadataTable',
  'GET GetBucketMetadataTableConfiguration metadataTable',
  'DELETE DeleteBucketMetadataTableConfiguration metadataTable',
  'GET ListBucketMetricsConfigurations metrics',
  'GET GetBucketMetricsConfiguration metrics id',
  'PUT PutBucketMetricsConfiguration metrics',
  'DELETE DeleteBucketMetricsConfiguration metrics',
  'GET GetBucketNotificationConfiguration notification',
  'PUT PutBucketNotificationConfiguration notification',
  'GET GetObjectLockConfiguration object-lock',
  'PUT PutObjectLockConfiguration object-lock',
  'GET GetBucketOwnershipControls ownershipControls',
  'PUT PutBucketOwnershipControls ownershipControls',
  'DELETE DeleteBucketOwnershipControls ownershipControls',
  'GET GetBucketPolicy policy',
  'PUT PutBucketPolicy policy',
  'DELETE DeleteBucketPolicy policy',
  'GET GetBucketPolicyStatus policyStatus',
  'GET GetPublicAccessBlock publicAccessBlock',
  'PUT PutPublicAccessBlock publicAccessBlock',
  'DELETE DeletePublicAccessBlock publicAccessBlock',
  'GET GetBucketReplication replication',
  'PUT PutBucketReplication replication',
  'DELETE DeleteBucketReplication replication',
  'GET GetBucketRequestPayment requestPayment',
  'PUT PutBucketRequestPayment requestPayment',
  'GET GetBucketTagging tagging',
  'PUT PutBucketTagging tagging',
  'DELETE DeleteBucketTagging tagging',
  'GET GetBucketVersioning versioning',
  'PUT PutBucketVersioning versioning',
  'GET GetBucketWebsite website',
  'PUT PutBucketWebsite website',
  'DELETE DeleteBucketWebsite website',
];

const objectOperations = [
  'GET GetObjectAcl acl',
  'PUT PutObjectAcl acl',
  'GET GetObjectAttributes attributes',
  'GET GetObjectLegalHold legal-hold',
  'PUT PutObjectLegalHold legal-hold',
  'POST RestoreObject restore',
  'GET GetObjectRetention retention',
  'PUT PutObjectRetention retention',
  'POST SelectObjectContent select',
  'GET GetObjectTagging tagging',
  'PUT PutObjectTagging tagging',
  'DELETE DeleteObjectTagging tagging',
  'GET GetObjectTorrent torrent',
];

/** Parameters that lists of configurations and single ones of them share. */
const ofConfigurations = ['id', 'continuation-token'];
/** Not GET, and yet nothing changes. */
const otherReads = new Set(['SelectObjectContent']);

const bucketNote = 'Goes to the UFS where the mount is a whole bucket; AccessDenied elsewhere.';
const objectNote = 'Goes to the UFS.';
const bucketNotes: Readonly<Record<string, string>> = {
  cors: 'Forebay answers preflight requests by these rules, and sets the headers of answers.',
  policy: 'Documents go as they are: ARNs name the bucket as the UFS does.',
};

export const forwardedOperations: readonly Operation[] = [
  ...bucketOperations.map((line) => operationOf(line, 'bucket')),
  ...objectOperations.map((line) => operationOf(line, 'object')),
];

function operationOf(line: string, target: OperationTarget): Operation {
  const [method, name, ...query] = line.split(' ') as [string, string, string, ...string[]];
  const [subResource] = query;
  const row = { name, method, target, query };
  const isRead = method === 'GET' || otherReads.has(name);
  if (target === 'bucket') {
    const names = [subResource, ...ofConfigurations];
    const note = [bucketNotes[subResource], bucketNote].filter((text) => text !== undefined).join(' ');
    if (isRead) return { ...row, read: forwardBucketRead(names), note };
    return { ...row, optionalQuery: ofConfigurations, write: forwardBucketWrite(names), note };
  }
  const names = name === 'SelectObjectContent' ? [subResource, 'select-type'] : [subResource];
  if (name === 'GetObjectAttributes') return { ...row, read: getObjectAttributes, note: objectNote };
  if (isRead) return { ...row, read: forwardObjectRead(names), note: objectNote };
  if (name === 'RestoreObject') {
    const note = `${objectNote} Restores that select, and write elsewhere what they find, are refused.`;
    return { ...row, write: forwardObjectWrite(names, refuseSelection), note };
  }
  return { ...row, write: forwardObjectWrite(names), note: objectNote };
}
