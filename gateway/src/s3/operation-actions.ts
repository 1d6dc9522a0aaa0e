/**
 * Which actions an operation needs, for policies: a row per operation of the table, checked by a test. From
 * AWS's "Required permissions for Amazon S3 API operations" and Service Authorization Reference.
 *
 * `A` needs s3:A. `A|B` needs s3:B where the request names a version, otherwise s3:A. Several: all of them.
 */
import type { S3Action } from '@forebay/core/policy/actions';
import type { S3Request } from './types.ts';

const rows: Readonly<Record<string, string>> = {
  ListBuckets: 'ListAllMyBuckets',

  CreateBucket: 'CreateBucket',
  DeleteBucket: 'DeleteBucket',
  HeadBucket: 'ListBucket',
  ListObjects: 'ListBucket',
  ListObjectsV2: 'ListBucket',
  ListObjectVersions: 'ListBucketVersions',
  ListMultipartUploads: 'ListBucketMultipartUploads',
  GetBucketLocation: 'GetBucketLocation',

  GetObject: 'GetObject|GetObjectVersion',
  HeadObject: 'GetObject|GetObjectVersion',
  GetObjectAttributes: 'GetObject|GetObjectVersion GetObjectAttributes|GetObjectVersionAttributes',
  GetObjectAcl: 'GetObjectAcl|GetObjectVersionAcl',
  GetObjectTagging: 'GetObjectTagging|GetObjectVersionTagging',
  GetObjectRetention: 'GetObjectRetention',
  GetObjectLegalHold: 'GetObjectLegalHold',
  GetObjectTorrent: 'GetObjectTorrent|GetObjectVersionTorrent',
  SelectObjectContent: 'GetObject|GetObjectVersion',

  PutObject: 'PutObject',
  PostObject: 'PutObject',
  CopyObject: 'PutObject',
  RenameObject: 'PutObject DeleteObject',
  PutObjectAcl: 'PutObjectAcl|PutObjectVersionAcl',
  PutObjectTagging: 'PutObjectTagging|PutObjectVersionTagging',
  PutObjectRetention: 'PutObjectRetention',
  PutObjectLegalHold: 'PutObjectLegalHold',
  RestoreObject: 'RestoreObject',
  UpdateObjectEncryption: 'PutObject UpdateObjectEncryption',
  DeleteObject: 'DeleteObject|DeleteObjectVersion',
  DeleteObjects: 'DeleteObject|DeleteObjectVersion',
  DeleteObjectTagging: 'DeleteObjectTagging|DeleteObjectVersionTagging',

  CreateMultipartUpload: 'PutObject',
  UploadPart: 'PutObject',
  UploadPartCopy: 'PutObject',
  CompleteMultipartUpload: 'PutObject',
  AbortMultipartUpload: 'AbortMultipartUpload',
  ListParts: 'ListMultipartUploadParts',

  GetBucketAbac: 'GetBucketAbac',
  PutBucketAbac: 'PutBucketAbac',
  GetBucketAccelerateConfiguration: 'GetAccelerateConfiguration',
  PutBucketAccelerateConfiguration: 'PutAccelerateConfiguration',
  GetBucketAcl: 'GetBucketAcl',
  PutBucketAcl: 'PutBucketAcl',
  ListBucketAnalyticsConfigurations: 'GetAnalyticsConfiguration',
  GetBucketAnalyticsConfiguration: 'GetAnalyticsConfiguration',
  PutBucketAnalyticsConfiguration: 'PutAnalyticsConfiguration',
  DeleteBucketAnalyticsConfiguration: 'PutAnalyticsConfiguration',
  GetBucketCors: 'GetBucketCORS',
  PutBucketCors: 'PutBucketCORS',
  DeleteBucketCors: 'PutBucketCORS',
  GetBucketEncryption: 'GetEncryptionConfiguration',
  PutBucketEncryption: 'PutEncryptionConfiguration',
  DeleteBucketEncryption: 'PutEncryptionConfiguration',
  ListBucketIntelligentTieringConfigurations: 'GetIntelligentTieringConfiguration',
  GetBucketIntelligentTieringConfiguration: 'GetIntelligentTieringConfiguration',
  PutBucketIntelligentTieringConfiguration: 'PutIntelligentTieringConfiguration',
  DeleteBucketIntelligentTieringConfiguration: 'PutIntelligentTieringConfiguration',
  ListBucketInventoryConfigurations: 'GetInventoryConfiguration',
  GetBucketInventoryConfiguration: 'GetInventoryConfiguration',
  PutBucketInventoryConfiguration: 'PutInventoryConfiguration',
  DeleteBucketInventoryConfiguration: 'PutInventoryConfiguration',
  GetBucketLifecycleConfiguration: 'GetLifecycleConfiguration',
  PutBucketLifecycleConfiguration: 'PutLifecycleConfiguration',
  DeleteBucketLifecycle: 'PutLifecycleConfiguration',
  GetBucketLogging: 'GetBucketLogging',
  PutBucketLogging: 'PutBucketLogging',
  CreateBucketMetadataConfiguration: 'CreateBucketMetadataTableConfiguration',
  GetBucketMetadataConfiguration: 'GetBucketMetadataTableConfiguration',
  DeleteBucketMetadataConfiguration: 'DeleteBucketMetadataTableConfiguration',
  UpdateBucketMetadataInventoryTableConfiguration: 'UpdateBucketMetadataInventoryTableConfiguration',
  UpdateBucketMetadataJournalTableConfiguration: 'UpdateBucketMetadataJournalTableConfiguration',
  CreateBucketMetadataTableConfiguration: 'CreateBucketMetadataTableConfiguration',
  GetBucketMetadataTableConfiguration: 'GetBucketMetadataTableConfiguration',
  DeleteBucketMetadataTableConfiguration: 'DeleteBucketMetadataTableConfiguration',
  ListBucketMetricsConfigurations: 'GetMetricsConfiguration',
  GetBucketMetricsConfiguration: 'GetMetricsConfiguration',
  PutBucketMetricsConfiguration: 'PutMetricsConfiguration',
  DeleteBucketMetricsConfiguration: 'PutMetricsConfiguration',
  GetBucketNotificationConfiguration: 'GetBucketNotification',
  PutBucketNotificationConfiguration: 'PutBucketNotification',
  GetObjectLockConfiguration: 'GetBucketObjectLockConfiguration',
  PutObjectLockConfiguration: 'PutBucketObjectLockConfiguration',
  GetBucketOwnershipControls: 'GetBucketOwnershipControls',
  PutBucketOwnershipControls: 'PutBucketOwnershipControls',
  DeleteBucketOwnershipControls: 'PutBucketOwnershipControls',
  GetBucketPolicy: 'GetBucketPolicy',
  PutBucketPolicy: 'PutBucketPolicy',
  DeleteBucketPolicy: 'DeleteBucketPolicy',
  GetBucketPolicyStatus: 'GetBucketPolicyStatus',
  GetPublicAccessBlock: 'GetBucketPublicAccessBlock',
  PutPublicAccessBlock: 'PutBucketPublicAccessBlock',
  DeletePublicAccessBlock: 'PutBucketPublicAccessBlock',
  GetBucketReplication: 'GetReplicationConfiguration',
  PutBucketReplication: 'PutReplicationConfiguration',
  DeleteBucketReplication: 'PutReplicationConfiguration',
  GetBucketRequestPayment: 'GetBucketRequestPayment',
  PutBucketRequestPayment: 'PutBucketRequestPayment',
  CreateSession: 'CreateSession',
  GetBucketTagging: 'GetBucketTagging',
  PutBucketTagging: 'PutBucketTagging',
  DeleteBucketTagging: 'PutBucketTagging',
  GetBucketVersioning: 'GetBucketVersioning',
  PutBucketVersioning: 'PutBucketVersioning',
  GetBucketWebsite: 'GetBucketWebsite',
  PutBucketWebsite: 'PutBucketWebsite',
  DeleteBucketWebsite: 'DeleteBucketWebsite',
};

/** Their keys stand in the request's body, so the handler asks for each (`mayDelete` in authorise.ts). */
const perKey = new Set(['DeleteObjects']);

/** What the headers of a request ask for beside the operation itself. */
type HeaderNeed = readonly [header: RegExp, ...actions: S3Action[]];

const bypass: HeaderNeed = [/^x-amz-bypass-governance-retention$/, 's3:BypassGovernanceRetention'];
const ofUploads: readonly HeaderNeed[] = [
  [/^x-amz-(acl$|grant-)/, 's3:PutObjectAcl'],
  [/^x-amz-tagging$/, 's3:PutObjectTagging'],
  [/^x-amz-object-lock-(mode|retain-until-date)$/, 's3:PutObjectRetention'],
  [/^x-amz-object-lock-legal-hold$/, 's3:PutObjectLegalHold'],
];
const ofBuckets: readonly HeaderNeed[] = [
  [/^x-amz-(acl$|grant-)/, 's3:PutBucketAcl'],
  [/^x-amz-bucket-object-lock-enabled$/, 's3:PutBucketObjectLockConfiguration', 's3:PutBucketVersioning'],
  [/^x-amz-object-ownership$/, 's3:PutBucketOwnershipControls'],
];
const headerNeeds: Readonly<Record<string, readonly HeaderNeed[]>> = {
  PutObject: ofUploads,
  PostObject: ofUploads,
  CopyObject: ofUploads,
  CreateMultipartUpload: ofUploads,
  CreateBucket: ofBuckets,
  DeleteObject: [bypass],
  DeleteObjects: [bypass],
  PutObjectRetention: [bypass],
};

export interface ActionNeeds {
  /** Of a request that names no version. */
  readonly plain: readonly S3Action[];
  readonly versioned: readonly S3Action[];
  readonly headers: readonly HeaderNeed[];
  readonly perKey: boolean;
}

const needs: ReadonlyMap<string, ActionNeeds> = new Map(
  Object.entries(rows).map(([name, row]) => {
    const pairs = row.split(' ').map((text) => text.split('|'));
    const actions: ActionNeeds = {
      plain: pairs.map(([plain]): S3Action => `s3:${plain}`),
      versioned: pairs.map(([plain, versioned = plain]): S3Action => `s3:${versioned}`),
      headers: headerNeeds[name] ?? [],
      perKey: perKey.has(name),
    };
    return [name, actions];
  }),
);

/** @throws Error for an operation without a row: nobody may do what no policy can speak of */
export function actionNeedsOf(operation: string): ActionNeeds {
  const found = needs.get(operation);
  if (!found) throw new Error(`the operation ${operation} has no row in the table of actions`);
  return found;
}

export function actionsOfHeaders(
  { headers }: Pick<ActionNeeds, 'headers'>,
  request: Pick<S3Request, 'headers'>,
): readonly S3Action[] {
  if (headers.length === 0) return [];
  const given = request.headers.withPrefix('x-amz-');
  return headers.flatMap(([header, ...actions]) =>
    given.some(([name]) => header.test(name)) ? actions : [],
  );
}
