/**
 * The configuration of a bucket that is a local store: it has none, and says so as S3 does of a bucket that
 * was never configured (S3-WIRE 124, section 18). What would change it is NotImplemented.
 */
import type { UfsForward, UfsForwarded } from '../ufs.ts';
import { notConfigured, notImplemented } from './answers.ts';
import type { DocumentElements } from './documents.ts';
import { documentAnswer } from './object-sub-resources.ts';

const documents: Readonly<Record<string, readonly [root: string, elements: DocumentElements]>> = {
  accelerate: ['AccelerateConfiguration', {}],
  logging: ['BucketLoggingStatus', {}],
  notification: ['NotificationConfiguration', {}],
  requestPayment: ['RequestPaymentConfiguration', { Payer: 'BucketOwner' }],
  versioning: ['VersioningConfiguration', {}],
};

const absent: Readonly<Record<string, readonly [code: string, message: string]>> = {
  cors: ['NoSuchCORSConfiguration', 'The CORS configuration does not exist'],
  encryption: [
    'ServerSideEncryptionConfigurationNotFoundError',
    'The server side encryption configuration was not found',
  ],
  lifecycle: ['NoSuchLifecycleConfiguration', 'The lifecycle configuration does not exist'],
  'object-lock': [
    'ObjectLockConfigurationNotFoundError',
    'Object Lock configuration does not exist for this bucket',
  ],
  ownershipControls: ['OwnershipControlsNotFoundError', 'The bucket ownership controls were not found'],
  policy: ['NoSuchBucketPolicy', 'The bucket policy does not exist'],
  policyStatus: ['NoSuchBucketPolicy', 'The bucket policy does not exist'],
  publicAccessBlock: [
    'NoSuchPublicAccessBlockConfiguration',
    'The public access block configuration was not found',
  ],
  replication: ['ReplicationConfigurationNotFoundError', 'The replication configuration was not found'],
  tagging: ['NoSuchTagSet', 'The TagSet does not exist'],
  website: ['NoSuchWebsiteConfiguration', 'The specified bucket does not have a website configuration'],
};

/** @throws UfsAnswerError 404 for what is not configured, 501 NotImplemented */
export function answerBucketSubResource({ method }: UfsForward, name: string): UfsForwarded {
  const document = documents[name];
  const missing = absent[name];
  if (method === 'GET' && document) return documentAnswer(...document);
  if (method === 'GET' && missing) throw notConfigured(...missing);
  throw notImplemented(name);
}
