/** A browser's upload: multipart/form-data with a signed policy. */
import { amzDateOf, hmacSha256Hex, SigningKeys } from '@forebay/core/sigv4';
import type { WireReply } from '../support/wire-client.ts';
import type { Target } from './target.ts';

export interface Form {
  /** May hold `${filename}`. */
  readonly key: string;
  /** Of the policy, beside bucket and the x-amz fields. */
  readonly conditions: readonly (readonly (string | number)[])[];
  /** Further fields, before the file. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Instead of the right one. */
  readonly signature?: string;
}

/** Posts `of the form` as file.txt. */
export function postForm(t: Target, form: Form): Promise<WireReply> {
  const amzDate = amzDateOf(Date.now());
  const day = amzDate.slice(0, 8);
  const credential = `${t.server.accessKey}/${day}/us-east-1/s3/aws4_request`;
  const signed = {
    'x-amz-algorithm': 'AWS4-HMAC-SHA256',
    'x-amz-credential': credential,
    'x-amz-date': amzDate,
  };
  const all = { ...signed, ...form.fields };
  const policy = {
    expiration: new Date(Date.now() + 600_000).toISOString(),
    conditions: [
      { bucket: t.bucket },
      ...Object.entries(all).map(([name, value]) => ({ [name]: value })),
      ...form.conditions,
    ],
  };
  const encoded = Buffer.from(JSON.stringify(policy)).toString('base64');
  const key = new SigningKeys().get(t.server.secretKey, day, 'us-east-1');
  const signature = form.signature ?? hmacSha256Hex(key, encoded);
  const fields = { key: form.key, ...all, policy: encoded, 'x-amz-signature': signature };
  const boundary = 'a-boundary-of-the-conformance-suite';
  const parts = Object.entries(fields).map(
    ([name, value]) => `--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`,
  );
  const file = 'Content-Disposition: form-data; name="file"; filename="file.txt"\r\nContent-Type: text/plain';
  const body = `${parts.join('')}--${boundary}\r\n${file}\r\n\r\nof the form\r\n--${boundary}--\r\n`;
  const headers = { 'content-type': `multipart/form-data; boundary=${boundary}` };
  return t.unsigned('POST', `/${t.bucket}`, { headers, body });
}
