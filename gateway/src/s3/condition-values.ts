/**
 * What a request says of each condition key. A key is there only for operations it is about: otherwise a
 * client could meet a condition by adding a parameter that the operation ignores.
 */
import { type ConditionKey, type ConditionValues, judged, untold } from '@forebay/core/policy/condition-keys';
import { contentSha256, unsignedPayload } from './auth/content-sha256.ts';
import type { Operation } from './operation.ts';
import { copySourceName } from './operations/copy-source-name.ts';
import type { S3Request } from './types.ts';

const lists = new Set(['ListObjects', 'ListObjectsV2', 'ListObjectVersions']);
const uploads = new Set(['PutObject', 'PostObject', 'CopyObject', 'CreateMultipartUpload']);
/** What an upload is to be was said, and judged, when it began: these have no such headers. */
const continuing = new Set(['UploadPart', 'UploadPartCopy', 'CompleteMultipartUpload']);
const copies = new Set(['CopyObject', 'UploadPartCopy']);
const acls = new Set([...uploads, 'PutObjectAcl', 'PutBucketAcl', 'CreateBucket']);
const writes = { has: (name: string) => !/^(Get|Head|List)/.test(name) };
const every = { has: () => true };

/** Said in the body, which nobody has read when permissions are asked. */
const inBody: Readonly<Record<string, ConditionKey>> = {
  PutBucketOwnershipControls: 's3:x-amz-object-ownership',
  PutObjectLegalHold: 's3:object-lock-legal-hold',
  PutObjectRetention: 's3:object-lock-mode',
};

type Operations = Pick<ReadonlySet<string>, 'has'>;
type Source = readonly [operations: Operations, from: 'query' | 'header', name: string];

const sources: Readonly<Record<Exclude<ConditionKey, keyof typeof own | 's3:x-amz-copy-source'>, Source>> = {
  's3:VersionId': [every, 'query', 'versionId'],
  's3:delimiter': [lists, 'query', 'delimiter'],
  's3:if-match': [writes, 'header', 'if-match'],
  's3:if-none-match': [writes, 'header', 'if-none-match'],
  's3:max-keys': [lists, 'query', 'max-keys'],
  's3:object-lock-legal-hold': [uploads, 'header', 'x-amz-object-lock-legal-hold'],
  's3:object-lock-mode': [uploads, 'header', 'x-amz-object-lock-mode'],
  's3:prefix': [lists, 'query', 'prefix'],
  's3:x-amz-acl': [acls, 'header', 'x-amz-acl'],
  's3:x-amz-grant-full-control': [acls, 'header', 'x-amz-grant-full-control'],
  's3:x-amz-grant-read': [acls, 'header', 'x-amz-grant-read'],
  's3:x-amz-grant-read-acp': [acls, 'header', 'x-amz-grant-read-acp'],
  's3:x-amz-grant-write': [acls, 'header', 'x-amz-grant-write'],
  's3:x-amz-grant-write-acp': [acls, 'header', 'x-amz-grant-write-acp'],
  's3:x-amz-metadata-directive': [copies, 'header', 'x-amz-metadata-directive'],
  's3:x-amz-object-ownership': [acls, 'header', 'x-amz-object-ownership'],
  's3:x-amz-server-side-encryption': [uploads, 'header', 'x-amz-server-side-encryption'],
  's3:x-amz-server-side-encryption-aws-kms-key-id': [
    uploads,
    'header',
    'x-amz-server-side-encryption-aws-kms-key-id',
  ],
  's3:x-amz-server-side-encryption-customer-algorithm': [
    uploads,
    'header',
    'x-amz-server-side-encryption-customer-algorithm',
  ],
  's3:x-amz-storage-class': [uploads, 'header', 'x-amz-storage-class'],
  's3:x-amz-website-redirect-location': [uploads, 'header', 'x-amz-website-redirect-location'],
};

/** Of the request as such, whatever the operation is, and so for all that it touches. */
const own = {
  'aws:Referer': ({ headers }: S3Request) => headers.get('referer'),
  'aws:SecureTransport': ({ client }: S3Request) => String(client.isSecure()),
  // A client can close its connection behind a request, and still have it carried out.
  'aws:SourceIp': ({ client }: S3Request) => client.address() ?? untold,
  'aws:UserAgent': ({ headers }: S3Request) => headers.get('user-agent'),
  'aws:username': ({ principal }: S3Request) => (principal.kind === 'user' ? principal.name : undefined),
  // Links and forms cannot sign what they will carry.
  's3:x-amz-content-sha256': ({ headers }: S3Request) => headers.get(contentSha256) ?? unsignedPayload,
} as const;

/** For the operation itself. */
export class RequestValues implements ConditionValues {
  readonly #request: S3Request;
  readonly #operation: Operation;

  constructor(request: S3Request, operation: Operation) {
    this.#request = request;
    this.#operation = operation;
  }

  get(key: ConditionKey): ReturnType<ConditionValues['get']> {
    if (key in own) return own[key as keyof typeof own](this.#request);
    if (inBody[this.#operation.name] === key) return untold;
    if (key === 's3:x-amz-copy-source') return this.#copySource();
    const [operations, from, name] = sources[key as keyof typeof sources];
    const isContinued = continuing.has(this.#operation.name) && operations.has('CreateMultipartUpload');
    if (!operations.has(this.#operation.name)) return isContinued ? judged : undefined;
    return from === 'query' ? this.#request.query.get(name) : this.#request.headers.get(name);
  }

  /** `bucket/key`, in whichever of many ways the client wrote it. */
  #copySource(): string | undefined {
    const source = copies.has(this.#operation.name) ? copySourceName(this.#request) : undefined;
    return source && `${source.bucket}/${source.key}`;
  }
}

/** For something else that the request touches: a key of its body, a copy's source. */
export class OtherValues implements ConditionValues {
  readonly #request: S3Request;
  readonly #own: Partial<Record<ConditionKey, string | undefined>>;

  constructor(request: S3Request, values: Partial<Record<ConditionKey, string | undefined>>) {
    this.#request = request;
    this.#own = values;
  }

  get(key: ConditionKey): ReturnType<ConditionValues['get']> {
    return key in own ? own[key as keyof typeof own](this.#request) : this.#own[key];
  }
}
