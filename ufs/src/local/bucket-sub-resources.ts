/**
 * The configuration of a bucket that is a local store. It keeps CORS rules, which are the gateway's to apply;
 * of everything else it has none, and says so as S3 does of a bucket that was never configured (S3-WIRE 124,
 * section 18). What would change it is NotImplemented.
 */
import type { UfsForward, UfsForwarded } from '../ufs.ts';
import { malformedXml, notConfigured, notImplemented } from './answers.ts';
import type { ObjectBackend } from './backend.ts';
import type { DocumentElements } from './documents.ts';
import { answerOf, documentAnswer } from './object-sub-resources.ts';

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

const corsBytesMax = 64 * 1024;

/** @throws UfsAnswerError 404 for what is not configured, 501 NotImplemented, MalformedXML */
export async function answerBucketSubResource(
  { configuration }: ObjectBackend,
  { method, body }: UfsForward,
  name: string,
): Promise<UfsForwarded> {
  const document = documents[name];
  const missing = absent[name];
  if (name === 'cors' && method === 'PUT') {
    if (!body || body.byteLength > corsBytesMax) throw malformedXml();
    await configuration.write(name, body);
    return answerOf(200, new Uint8Array(0));
  }
  if (name === 'cors' && method === 'DELETE') {
    await configuration.write(name, undefined);
    return answerOf(204, new Uint8Array(0));
  }
  const kept = name === 'cors' && method === 'GET' ? await configuration.read(name) : undefined;
  if (kept) return answerOf(200, kept);
  if (method === 'GET' && document) return documentAnswer(...document);
  if (method === 'GET' && missing) throw notConfigured(...missing);
  throw notImplemented(name);
}
