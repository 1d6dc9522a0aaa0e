/**
 * Policies for people who do not write policies: `read:/lake/raw`, `write:/lake/tmp`, or `read` for everything.
 * The path is one of the namespace, and everything below it is meant. The result is an ordinary policy.
 */
import { ConfigError } from '../config.ts';

const objectActions = {
  read: [
    's3:GetObject',
    's3:GetObjectVersion',
    's3:GetObjectAttributes',
    's3:GetObjectVersionAttributes',
    's3:GetObjectTagging',
    's3:GetObjectVersionTagging',
  ],
  write: [
    's3:PutObject',
    's3:PutObjectTagging',
    's3:DeleteObject',
    's3:DeleteObjectTagging',
    's3:AbortMultipartUpload',
    's3:ListMultipartUploadParts',
  ],
};
const listActions = { read: ['s3:ListBucket', 's3:ListBucketVersions'], write: [] };
const bucketActions = { read: ['s3:GetBucketLocation'], write: ['s3:GetBucketLocation'] };
/** Their answers tell of keys everywhere in the bucket. */
const wholeBucketActions = {
  read: ['s3:GetBucketVersioning'],
  write: ['s3:ListBucketMultipartUploads', 's3:GetBucketVersioning'],
};

/** The JSON of the policy. @throws ConfigError */
export function grantPolicy(text: string): string {
  const [, kind, path = '/'] = /^(read|write)(?::(\/.*))?$/s.exec(text) ?? [];
  if (kind !== 'read' && kind !== 'write') {
    throw new ConfigError(
      `"${text}" is no grant; write read, read:/bucket, write:/bucket/prefix and the like`,
    );
  }
  const [, bucket = '', prefix = ''] = /^\/([^/]*)\/?(.*?)\/?$/s.exec(path) ?? [];
  const statements = bucket === '' ? everywhere(kind) : below(kind, literal(bucket), literal(prefix));
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: statements.filter(({ Action }) => Action.length > 0),
  });
}

function everywhere(kind: 'read' | 'write') {
  const buckets = kind === 'read' ? ['s3:ListAllMyBuckets'] : [];
  const Action = [
    ...buckets,
    ...objectActions[kind],
    ...listActions[kind],
    ...bucketActions[kind],
    ...wholeBucketActions[kind],
  ];
  return [{ Effect: 'Allow', Action, Resource: '*' }];
}

function below(kind: 'read' | 'write', bucket: string, prefix: string) {
  const arn = `arn:aws:s3:::${bucket}`;
  if (prefix === '') {
    const Action = [...listActions[kind], ...bucketActions[kind], ...wholeBucketActions[kind]];
    return [
      { Effect: 'Allow', Action: objectActions[kind], Resource: `${arn}/*` },
      { Effect: 'Allow', Action, Resource: arn },
    ];
  }
  return [
    // The prefix itself too: clients that know directories ask whether it is an object.
    { Effect: 'Allow', Action: objectActions[kind], Resource: [`${arn}/${prefix}`, `${arn}/${prefix}/*`] },
    {
      Effect: 'Allow',
      Action: listActions[kind],
      Resource: arn,
      Condition: { StringLike: { 's3:prefix': `${prefix}/*` } },
    },
    { Effect: 'Allow', Action: bucketActions[kind], Resource: arn },
  ];
}

function literal(text: string): string {
  return text.replace(/[*?$]/g, (character) => `\${${character}}`);
}
