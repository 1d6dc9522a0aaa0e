/**
 * Every operation that S3 has and this version does not serve, by name: each answers 501 NotImplemented,
 * which clients do not retry, and shows up under its own name in log and metrics (S3-WIRE 120, 121).
 */
import type { Operation, OperationTarget } from './operation.ts';

/** `METHOD Name [query...]`, the way AWS's reference lists them. */
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
  'GET CreateSession session',
  'GET GetBucketTagging tagging',
  'PUT PutBucketTagging tagging',
  'DELETE DeleteBucketTagging tagging',
  'GET GetBucketVersioning versioning',
  'PUT PutBucketVersioning versioning',
  'GET ListObjectVersions versions',
  'GET GetBucketWebsite website',
  'PUT PutBucketWebsite website',
  'DELETE DeleteBucketWebsite website',
];

const objectOperations = [
  'GET GetObjectAcl acl',
  'PUT PutObjectAcl acl',
  'GET GetObjectAttributes attributes',
  'PUT UpdateObjectEncryption encryption',
  'GET GetObjectLegalHold legal-hold',
  'PUT PutObjectLegalHold legal-hold',
  'PUT RenameObject renameObject',
  'POST RestoreObject restore',
  'GET GetObjectRetention retention',
  'PUT PutObjectRetention retention',
  'POST SelectObjectContent select',
  'GET GetObjectTagging tagging',
  'PUT PutObjectTagging tagging',
  'DELETE DeleteObjectTagging tagging',
  'GET GetObjectTorrent torrent',
];

export const unsupportedOperations: readonly Operation[] = [
  ...bucketOperations.map((line) => operationOf(line, 'bucket')),
  ...objectOperations.map((line) => operationOf(line, 'object')),
];

function operationOf(line: string, target: OperationTarget): Operation {
  const [method, name, ...query] = line.split(' ');
  return { name: name!, method: method!, target, ...(query.length > 0 && { query }) };
}

/**
 * Parameters that name a sub-resource: a request with one of them is never the plain operation (S3-WIRE
 * 120), also where it makes sense only on the other kind of resource.
 */
export const subResources: ReadonlySet<string> = new Set([
  ...unsupportedOperations.flatMap((operation) => operation.query?.slice(0, 1) ?? []),
  'delete',
  'location',
  'partNumber',
  'uploadId',
  'uploads',
]);
