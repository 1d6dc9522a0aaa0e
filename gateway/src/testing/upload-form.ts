/** Upload forms for tests, as browsers and SDKs make them: fields, policy, signature, file. */
import { createHmac } from 'node:crypto';
import { amzDateOf, hmacSha256Hex, SigningKeys } from '@forebay/core/sigv4';
import { testAccessKey, testSecretKey } from './test-gateway.ts';

export type FormPart = readonly [name: string, value: string | Uint8Array, fileName?: string];

const boundary = '----forebay-form-boundary';
export const formType = `multipart/form-data; boundary=${boundary}`;

export interface Signer {
  readonly accessKey: string;
  readonly secretKey: string;
}

const testSigner: Signer = { accessKey: testAccessKey, secretKey: testSecretKey };
const hourMs = 3_600_000;

export function formBody(parts: readonly FormPart[], end = '--\r\n'): Buffer {
  const pieces: Buffer[] = [];
  for (const [name, value, fileName] of parts) {
    const file = fileName === undefined ? '' : `; filename="${fileName}"\r\nContent-Type: text/plain`;
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n`;
    pieces.push(Buffer.from(head), Buffer.from(value as string), Buffer.from('\r\n'));
  }
  return Buffer.concat([...pieces, Buffer.from(`--${boundary}${end}`)]);
}

export interface PolicyOptions {
  /** Of the fields below, `bucket` included, unless they are given here. */
  readonly conditions?: readonly unknown[];
  readonly expiration?: string;
  readonly nowMs?: number;
  readonly signer?: Signer;
}

/** The fields, a policy that allows exactly them, and its Version 4 signature. */
export function signedFields(
  bucket: string,
  fields: Readonly<Record<string, string>>,
  options: PolicyOptions = {},
): Record<string, string> {
  const { accessKey, secretKey } = options.signer ?? testSigner;
  const amzDate = amzDateOf(options.nowMs ?? Date.now());
  const day = amzDate.slice(0, 8);
  const all = {
    ...fields,
    'x-amz-algorithm': 'AWS4-HMAC-SHA256',
    'x-amz-credential': `${accessKey}/${day}/us-east-1/s3/aws4_request`,
    'x-amz-date': amzDate,
  };
  const policy = policyOf(bucket, all, options);
  const signature = hmacSha256Hex(new SigningKeys().get(secretKey, day, 'us-east-1'), policy);
  return { ...all, policy, 'x-amz-signature': signature };
}

/** The same with signature version 2. */
export function signedFieldsV2(bucket: string, fields: Readonly<Record<string, string>>) {
  const policy = policyOf(bucket, fields, {});
  const signature = createHmac('sha1', testSigner.secretKey).update(policy).digest('base64');
  return { ...fields, AWSAccessKeyId: testSigner.accessKey, policy, signature };
}

function policyOf(bucket: string, fields: Readonly<Record<string, string>>, options: PolicyOptions): string {
  const signature = ['x-amz-algorithm', 'x-amz-credential', 'x-amz-date'];
  const given = Object.entries(fields).filter(([name]) => !options.conditions || signature.includes(name));
  const exact = given.filter(([name]) => !name.startsWith('x-ignore-'));
  const conditions = [
    ...(options.conditions ?? [{ bucket }]),
    ...exact.map(([name, value]) => ({ [name]: value })),
  ];
  const expiration = options.expiration ?? new Date((options.nowMs ?? Date.now()) + hourMs).toISOString();
  return Buffer.from(JSON.stringify({ expiration, conditions })).toString('base64');
}

/** A whole form with its file last. */
export function uploadForm(
  fields: Readonly<Record<string, string>>,
  file: string | Uint8Array,
  fileName = 'file.txt',
): Buffer {
  return formBody([...Object.entries(fields), ['file', file, fileName]]);
}
