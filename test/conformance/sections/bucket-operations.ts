/** Every operation on buckets; the configurations by a table, since each is set, read and removed alike. */
import { forebay, type Probe, type Section, ufs } from '../check.ts';
import { md5Of } from '../digests.ts';
import { createUpload } from '../multipart.ts';
import type { Target } from '../target.ts';

interface Configuration {
  readonly query: string;
  /** Names of the operations; the ones that S3 has. */
  readonly get?: string;
  readonly put?: string;
  readonly remove?: string;
  readonly what: string;
  readonly body: string;
  /** Of the document that is read back. */
  readonly shown: RegExp;
  /** How S3 says that there is none; undefined where there is always one. */
  readonly absent?: string;
  readonly bucket?: 'own' | 'versioned' | 'locked';
  /** POST where it is not PUT. */
  readonly method?: string;
}

const one = (name: string, content: string) => `<${name}>${content}</${name}>`;
const policy = (bucket: string) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      {
        Effect: 'Allow',
        Principal: '*',
        Action: 's3:GetObject',
        Resource: `arn:aws:s3:::${bucket}/public/*`,
      },
    ],
  });
const rule = one('ApplyServerSideEncryptionByDefault', one('SSEAlgorithm', 'AES256'));
const block = ['BlockPublicAcls', 'IgnorePublicAcls', 'BlockPublicPolicy', 'RestrictPublicBuckets']
  .map((name) => one(name, 'true'))
  .join('');

const configurations: readonly Configuration[] = [
  {
    what: 'attribute-based access',
    query: 'abac',
    get: 'GetBucketAbac',
    put: 'PutBucketAbac',
    body: one('AbacStatus', one('Status', 'Enabled')),
    shown: /<AbacStatus/,
  },
  {
    what: 'acceleration',
    query: 'accelerate',
    get: 'GetBucketAccelerateConfiguration',
    put: 'PutBucketAccelerateConfiguration',
    body: one('AccelerateConfiguration', one('Status', 'Suspended')),
    shown: /<AccelerateConfiguration/,
  },
  {
    what: 'cross-origin rules',
    query: 'cors',
    get: 'GetBucketCors',
    put: 'PutBucketCors',
    remove: 'DeleteBucketCors',
    absent: '404 NoSuchCORSConfiguration',
    body: one('CORSConfiguration', one('CORSRule', one('AllowedOrigin', '*') + one('AllowedMethod', 'GET'))),
    shown: /<CORSRule>/,
  },
  {
    what: 'default encryption',
    query: 'encryption',
    get: 'GetBucketEncryption',
    put: 'PutBucketEncryption',
    remove: 'DeleteBucketEncryption',
    body: one('ServerSideEncryptionConfiguration', one('Rule', rule)),
    shown: /<SSEAlgorithm>AES256</,
  },
  {
    what: 'lifecycle',
    query: 'lifecycle',
    get: 'GetBucketLifecycleConfiguration',
    put: 'PutBucketLifecycleConfiguration',
    remove: 'DeleteBucketLifecycle',
    absent: '404 NoSuchLifecycleConfiguration',
    body: one(
      'LifecycleConfiguration',
      one(
        'Rule',
        one('ID', 'r') +
          one('Filter', one('Prefix', 'old/')) +
          one('Status', 'Enabled') +
          one('Expiration', one('Days', '9')),
      ),
    ),
    shown: /<Days>9</,
  },
  {
    what: 'logging',
    query: 'logging',
    get: 'GetBucketLogging',
    put: 'PutBucketLogging',
    body: '<BucketLoggingStatus xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>',
    shown: /<BucketLoggingStatus/,
  },
  {
    what: 'metadata tables',
    query: 'metadataConfiguration',
    method: 'POST',
    get: 'GetBucketMetadataConfiguration',
    put: 'CreateBucketMetadataConfiguration',
    remove: 'DeleteBucketMetadataConfiguration',
    absent: '404',
    body: one(
      'MetadataConfiguration',
      one('JournalTableConfiguration', one('RecordExpiration', one('Expiration', 'DISABLED'))),
    ),
    shown: /<JournalTableConfiguration/,
  },
  {
    what: 'the metadata table of version 1',
    query: 'metadataTable',
    method: 'POST',
    get: 'GetBucketMetadataTableConfiguration',
    put: 'CreateBucketMetadataTableConfiguration',
    remove: 'DeleteBucketMetadataTableConfiguration',
    absent: '404',
    body: one(
      'MetadataTableConfiguration',
      one(
        'S3TablesDestination',
        one('TableBucketArn', 'arn:aws:s3tables:us-east-1:1:bucket/b') + one('TableName', 't'),
      ),
    ),
    shown: /<MetadataTableConfiguration/,
  },
  {
    what: 'the inventory table',
    query: 'metadataInventoryTable',
    put: 'UpdateBucketMetadataInventoryTableConfiguration',
    body: one('InventoryTableConfiguration', one('ConfigurationState', 'DISABLED')),
    shown: /./,
  },
  {
    what: 'the journal table',
    query: 'metadataJournalTable',
    put: 'UpdateBucketMetadataJournalTableConfiguration',
    body: one('JournalTableConfiguration', one('RecordExpiration', one('Expiration', 'DISABLED'))),
    shown: /./,
  },
  {
    what: 'notifications',
    query: 'notification',
    get: 'GetBucketNotificationConfiguration',
    put: 'PutBucketNotificationConfiguration',
    body: '<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>',
    shown: /<NotificationConfiguration/,
  },
  {
    what: 'object lock',
    query: 'object-lock',
    get: 'GetObjectLockConfiguration',
    put: 'PutObjectLockConfiguration',
    bucket: 'locked',
    body: one(
      'ObjectLockConfiguration',
      one('ObjectLockEnabled', 'Enabled') +
        one('Rule', one('DefaultRetention', one('Mode', 'GOVERNANCE') + one('Days', '1'))),
    ),
    shown: /<ObjectLockEnabled>Enabled</,
  },
  {
    what: 'ownership',
    query: 'ownershipControls',
    get: 'GetBucketOwnershipControls',
    put: 'PutBucketOwnershipControls',
    remove: 'DeleteBucketOwnershipControls',
    body: one('OwnershipControls', one('Rule', one('ObjectOwnership', 'BucketOwnerPreferred'))),
    shown: /<ObjectOwnership>BucketOwnerPreferred</,
  },
  {
    what: 'the block of public access',
    query: 'publicAccessBlock',
    get: 'GetPublicAccessBlock',
    put: 'PutPublicAccessBlock',
    remove: 'DeletePublicAccessBlock',
    body: one('PublicAccessBlockConfiguration', block),
    shown: /<BlockPublicAcls>true</,
  },
  {
    what: 'replication',
    query: 'replication',
    get: 'GetBucketReplication',
    put: 'PutBucketReplication',
    remove: 'DeleteBucketReplication',
    absent: '404 ReplicationConfigurationNotFoundError',
    bucket: 'versioned',
    body: one(
      'ReplicationConfiguration',
      one('Role', 'arn:aws:iam::1:role/r') +
        one(
          'Rule',
          one('ID', 'r') +
            one('Status', 'Enabled') +
            one('Prefix', '') +
            one('Destination', one('Bucket', 'arn:aws:s3:::other')),
        ),
    ),
    shown: /<ReplicationConfiguration/,
  },
  {
    what: 'who pays',
    query: 'requestPayment',
    get: 'GetBucketRequestPayment',
    put: 'PutBucketRequestPayment',
    body: one('RequestPaymentConfiguration', one('Payer', 'BucketOwner')),
    shown: /<Payer>BucketOwner</,
  },
  {
    what: 'tags',
    query: 'tagging',
    get: 'GetBucketTagging',
    put: 'PutBucketTagging',
    remove: 'DeleteBucketTagging',
    absent: '404 NoSuchTagSet',
    body: one('Tagging', one('TagSet', one('Tag', one('Key', 'a') + one('Value', '1')))),
    shown: /<Key>a</,
  },
  {
    what: 'versioning',
    query: 'versioning',
    get: 'GetBucketVersioning',
    put: 'PutBucketVersioning',
    body: one('VersioningConfiguration', one('Status', 'Enabled')),
    shown: /<Status>Enabled</,
  },
  {
    what: 'the website',
    query: 'website',
    get: 'GetBucketWebsite',
    put: 'PutBucketWebsite',
    remove: 'DeleteBucketWebsite',
    absent: '404 NoSuchWebsiteConfiguration',
    body: one('WebsiteConfiguration', one('IndexDocument', one('Suffix', 'index.html'))),
    shown: /<Suffix>index\.html</,
  },
  ...named('analytics', 'Analytics', one('StorageClassAnalysis', '')),
  ...named(
    'intelligent-tiering',
    'IntelligentTiering',
    one('Status', 'Enabled') + one('Tiering', one('AccessTier', 'ARCHIVE_ACCESS') + one('Days', '90')),
  ),
  ...named(
    'inventory',
    'Inventory',
    one(
      'Destination',
      one('S3BucketDestination', one('Bucket', 'arn:aws:s3:::other') + one('Format', 'CSV')),
    ) +
      one('IsEnabled', 'true') +
      one('IncludedObjectVersions', 'All') +
      one('Schedule', one('Frequency', 'Daily')),
  ),
  ...named('metrics', 'Metrics', ''),
];

/** Configurations of which a bucket has several, each with an id. */
function named(query: string, name: string, content: string): Configuration[] {
  return [
    {
      what: `${query} by id`,
      query: `${query}&id=one`,
      get: `GetBucket${name}Configuration`,
      put: `PutBucket${name}Configuration`,
      remove: `DeleteBucket${name}Configuration`,
      absent: '404 NoSuchConfiguration',
      body: one(`${name}Configuration`, one('Id', 'one') + content),
      shown: /<Id>one</,
    },
  ];
}

function checksOf(configuration: Configuration): Probe[] {
  const { what, get, put, remove, absent, shown, bucket = 'own' } = configuration;
  const query = { query: configuration.query };
  const found: Probe[] = [];
  const set = async (t: Target) => {
    const { body, method = 'PUT' } = configuration;
    const reply = await t.ofBucket(method, { ...query, body, headers: { 'content-md5': md5Of(body) } });
    // Some are answered 204: the documentation of S3 says 200 for all of them, S3 itself does not.
    t.is(reply, reply.status === 204 ? 204 : 200);
  };
  if (get) {
    found.push(
      ufs(
        get,
        absent ? `${what}: none is ${absent}, what was set is read` : `${what}: what was set is read`,
        async (t) => {
          if (absent) t.is(await t.ofBucket('GET', query), absent);
          await set(t);
          t.is(await t.ofBucket('GET', query), { is: 200, body: shown });
        },
        bucket,
      ),
    );
  }
  if (put) found.push(ufs(put, `${what}: set`, set, bucket));
  if (remove) {
    found.push(
      ufs(
        remove,
        `${what}: removed`,
        async (t) => {
          await set(t);
          t.is(await t.ofBucket('DELETE', query), 204);
          if (absent) t.is(await t.ofBucket('GET', query), absent);
        },
        bucket,
      ),
    );
  }
  return found;
}

function policyChecks(): Probe[] {
  const set = async (t: Target) => {
    const body = policy(t.bucket);
    const reply = await t.ofBucket('PUT', { query: 'policy', body, headers: { 'content-md5': md5Of(body) } });
    t.is(reply, reply.status === 204 ? 204 : 200);
  };
  return [
    ufs(
      'GetBucketPolicy',
      'policy: none is 404 NoSuchBucketPolicy, what was set is read',
      async (t) => {
        t.is(await t.ofBucket('GET', { query: 'policy' }), '404 NoSuchBucketPolicy');
        await set(t);
        t.is(await t.ofBucket('GET', { query: 'policy' }), { is: 200, body: /"Statement"/ });
      },
      'own',
    ),
    ufs('PutBucketPolicy', 'policy: set', set, 'own'),
    ufs(
      'DeleteBucketPolicy',
      'policy: removed',
      async (t) => {
        await set(t);
        t.is(await t.ofBucket('DELETE', { query: 'policy' }), 204);
        t.is(await t.ofBucket('GET', { query: 'policy' }), '404 NoSuchBucketPolicy');
      },
      'own',
    ),
    ufs(
      'GetBucketPolicyStatus',
      'policy: whether it makes anything public',
      async (t) => {
        await set(t);
        t.is(await t.ofBucket('GET', { query: 'policyStatus' }), { is: 200, body: /<IsPublic>(true|TRUE)</ });
      },
      'own',
    ),
  ];
}

const lists = ['Analytics', 'IntelligentTiering', 'Inventory', 'Metrics'] as const;

export const bucketOperations: Section = {
  title: 'Operations on buckets',
  checks: [
    forebay('ListBuckets', 'buckets are listed', async (t) => {
      t.is(await t.at('GET', '/'), { is: 200, body: new RegExp(`<Name>${t.bucket}<`) });
    }),
    forebay('HeadBucket', 'a bucket is there', async (t) => {
      t.is(await t.ofBucket('HEAD'), { is: 200, body: '' });
    }),
    forebay('GetBucketLocation', 'the region of a bucket is told', async (t) => {
      t.is(await t.ofBucket('GET', { query: 'location' }), { is: 200, body: /<LocationConstraint/ });
    }),
    ufs('CreateBucket', 'a bucket is made', async (t) => {
      t.is(await t.at('PUT', `/${t.world.freshBucket}`), 200);
      t.is(await t.at('HEAD', `/${t.world.freshBucket}`), 200);
    }),
    ufs('DeleteBucket', 'a bucket is removed', async (t) => {
      t.is(await t.at('PUT', `/${t.world.freshBucket}`), 200);
      t.is(await t.at('DELETE', `/${t.world.freshBucket}`), 204);
      t.is(await t.at('HEAD', `/${t.world.freshBucket}`), 404);
    }),
    forebay('ListObjects', 'objects are listed, version 1', async (t) => {
      await t.put('k');
      t.is(await t.ofBucket('GET', { query: `prefix=${encodeURIComponent(t.key(''))}` }), {
        is: 200,
        body: [/<ListBucketResult/, /<Key>/],
      });
    }),
    forebay('ListObjectsV2', 'objects are listed, version 2', async (t) => {
      await t.put('k');
      const query = `list-type=2&prefix=${encodeURIComponent(t.key(''))}`;
      t.is(await t.ofBucket('GET', { query }), { is: 200, body: [/<KeyCount>1</, /<Key>/] });
    }),
    ufs(
      'ListObjectVersions',
      'versions of objects are listed',
      async (t) => {
        await t.put('k');
        t.is(await t.ofBucket('GET', { query: 'versions' }), {
          is: 200,
          body: [/<ListVersionsResult/, /<Version>/],
        });
      },
      'versioned',
    ),
    ufs('ListMultipartUploads', 'uploads are listed', async (t) => {
      await createUpload(t, 'k');
      const query = `uploads&prefix=${encodeURIComponent(t.key(''))}`;
      t.is(await t.ofBucket('GET', { query }), { is: 200, body: /<Upload>/ });
    }),
    ufs(
      'GetBucketAcl',
      'the access list of a bucket is read',
      async (t) => {
        t.is(await t.ofBucket('GET', { query: 'acl' }), {
          is: 200,
          body: [/<AccessControlPolicy/, /FULL_CONTROL/],
        });
      },
      'own',
    ),
    ufs(
      'PutBucketAcl',
      'the access list of a bucket is set',
      async (t) => {
        const body = one('OwnershipControls', one('Rule', one('ObjectOwnership', 'BucketOwnerPreferred')));
        await t.ofBucket('PUT', {
          query: 'ownershipControls',
          body,
          headers: { 'content-md5': md5Of(body) },
        });
        t.is(await t.ofBucket('PUT', { query: 'acl', headers: { 'x-amz-acl': 'private' } }), 200);
      },
      'own',
    ),
    ...policyChecks(),
    ...configurations.flatMap(checksOf),
    ...lists.map((name) =>
      ufs(
        `ListBucket${name}Configurations`,
        `${name}: all of a bucket are listed`,
        async (t) => {
          const query = name === 'IntelligentTiering' ? 'intelligent-tiering' : name.toLowerCase();
          t.is(await t.ofBucket('GET', { query }), {
            is: 200,
            body: new RegExp(`<ListBucket${name}Configurations?(Result|Output)`),
          });
        },
        'own',
      ),
    ),
    ufs('CreateSession', 'a session is begun (directory buckets alone)', async (t) => {
      t.is(await t.ofBucket('GET', { query: 'session' }), { is: 200, body: /<CreateSessionResult/ });
    }),
  ],
};
