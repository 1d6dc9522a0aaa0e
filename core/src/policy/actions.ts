/**
 * The actions a policy may name: those that some S3 operation needs. Which operation needs which is the
 * gateway's table (gateway/src/s3/operation-actions.ts; a test holds the two together). Names as in AWS's
 * Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3".
 */

/** Without the prefix `s3:`, one group per line. */
const names = `
ListAllMyBuckets CreateBucket DeleteBucket ListBucket ListBucketVersions ListBucketMultipartUploads

GetObject GetObjectVersion GetObjectAcl GetObjectVersionAcl GetObjectAttributes GetObjectVersionAttributes
GetObjectTagging GetObjectVersionTagging GetObjectRetention GetObjectLegalHold GetObjectTorrent
GetObjectVersionTorrent
PutObject PutObjectAcl PutObjectVersionAcl PutObjectTagging PutObjectVersionTagging PutObjectRetention
PutObjectLegalHold BypassGovernanceRetention RestoreObject UpdateObjectEncryption
DeleteObject DeleteObjectVersion DeleteObjectTagging DeleteObjectVersionTagging
AbortMultipartUpload ListMultipartUploadParts

GetAccelerateConfiguration GetAnalyticsConfiguration GetBucketAbac GetBucketAcl GetBucketCORS
GetBucketLocation GetBucketLogging GetBucketMetadataTableConfiguration GetBucketNotification
GetBucketObjectLockConfiguration GetBucketOwnershipControls GetBucketPolicy GetBucketPolicyStatus
GetBucketPublicAccessBlock GetBucketRequestPayment GetBucketTagging GetBucketVersioning GetBucketWebsite
GetEncryptionConfiguration GetIntelligentTieringConfiguration GetInventoryConfiguration
GetLifecycleConfiguration GetMetricsConfiguration GetReplicationConfiguration

PutAccelerateConfiguration PutAnalyticsConfiguration PutBucketAbac PutBucketAcl PutBucketCORS
PutBucketLogging PutBucketNotification PutBucketObjectLockConfiguration PutBucketOwnershipControls
PutBucketPolicy PutBucketPublicAccessBlock PutBucketRequestPayment PutBucketTagging PutBucketVersioning
PutBucketWebsite PutEncryptionConfiguration PutIntelligentTieringConfiguration PutInventoryConfiguration
PutLifecycleConfiguration PutMetricsConfiguration PutReplicationConfiguration
DeleteBucketPolicy DeleteBucketWebsite
CreateBucketMetadataTableConfiguration DeleteBucketMetadataTableConfiguration
UpdateBucketMetadataInventoryTableConfiguration UpdateBucketMetadataJournalTableConfiguration CreateSession
`;

/** `s3:GetObject` */
export type S3Action = `s3:${string}`;

export const s3Actions: readonly S3Action[] = names
  .trim()
  .split(/\s+/)
  .map((name): S3Action => `s3:${name}`);
