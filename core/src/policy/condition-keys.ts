/**
 * What conditions may ask about a request. The gateway says what each key is in a request
 * (gateway/src/s3/condition-values.ts). Names as in AWS's Service Authorization Reference for Amazon S3 and
 * in IAM's global condition keys; their case does not matter.
 */
import { ConfigError, didYouMean } from '../config.ts';

export type KeyKind = 'text' | 'number' | 'boolean' | 'address';

const kinds = {
  'aws:Referer': 'text',
  'aws:SecureTransport': 'boolean',
  'aws:SourceIp': 'address',
  'aws:UserAgent': 'text',
  'aws:username': 'text',
  's3:VersionId': 'text',
  's3:delimiter': 'text',
  's3:if-match': 'text',
  's3:if-none-match': 'text',
  's3:max-keys': 'number',
  's3:object-lock-legal-hold': 'text',
  's3:object-lock-mode': 'text',
  's3:prefix': 'text',
  's3:x-amz-acl': 'text',
  's3:x-amz-content-sha256': 'text',
  's3:x-amz-copy-source': 'text',
  's3:x-amz-grant-full-control': 'text',
  's3:x-amz-grant-read': 'text',
  's3:x-amz-grant-read-acp': 'text',
  's3:x-amz-grant-write': 'text',
  's3:x-amz-grant-write-acp': 'text',
  's3:x-amz-metadata-directive': 'text',
  's3:x-amz-object-ownership': 'text',
  's3:x-amz-server-side-encryption': 'text',
  's3:x-amz-server-side-encryption-aws-kms-key-id': 'text',
  's3:x-amz-server-side-encryption-customer-algorithm': 'text',
  's3:x-amz-storage-class': 'text',
  's3:x-amz-website-redirect-location': 'text',
} as const satisfies Record<string, KeyKind>;

export type ConditionKey = keyof typeof kinds;

export const conditionKeys = Object.keys(kinds) as ConditionKey[];

/** What a request says of a condition key; undefined where it says nothing of it. */
export interface ConditionValues {
  get(key: ConditionKey): string | undefined | typeof judged | typeof untold;
}

/**
 * An earlier request that this one continues said it, and was judged by it (the beginning of a multipart
 * upload).
 */
export const judged: unique symbol = Symbol('judged');
/** There is a value, and it cannot be told when the question is asked. */
export const untold: unique symbol = Symbol('untold');

export function kindOf(key: ConditionKey): KeyKind {
  return kinds[key];
}

/** @throws ConfigError */
export function conditionKeyOf(text: string): ConditionKey {
  const known = conditionKeys.find((key) => key.toLowerCase() === text.toLowerCase());
  if (known !== undefined) return known;
  if (/^s3:existingobjecttag\//i.test(text)) {
    throw new ConfigError(
      `the condition key "${text}" is not available: tags of stored objects are not read`,
    );
  }
  throw new ConfigError(
    `the condition key "${text}" is not available${didYouMean(text, conditionKeys)}; ` +
      `available are ${conditionKeys.join(', ')}`,
  );
}
