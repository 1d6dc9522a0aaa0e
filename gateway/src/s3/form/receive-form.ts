/**
 * An upload form as a request: what its fields say stands where another request has it in its head, so that
 * permissions, logs and the write itself see nothing new (S3-WIRE 46; AWS "HTML form fields").
 */
import type { HeaderList } from '@forebay/core/object';
import type { Exchange } from '../../exchange.ts';
import { severalMechanisms } from '../auth/authorization-header.ts';
import type { ClientOrigin } from '../auth/client-origin.ts';
import { headerValueOf } from '../auth/hoisted-headers.ts';
import { isPresignedV2 } from '../auth/presigned-v2.ts';
import { isPresignedV4 } from '../auth/presigned-v4.ts';
import type { AuthDeps, AuthRequest } from '../auth/types.ts';
import { S3Error } from '../errors.ts';
import { RawHeaders } from '../headers.ts';
import { announcedDigests } from '../payload/announced-digests.ts';
import { noBody } from '../payload/request-body.ts';
import { checkKey } from '../raw-target.ts';
import type { PostForm, S3Request } from '../types.ts';
import { parseTagging } from '../xml.ts';
import { authenticateForm } from './authenticate-form.ts';
import { nextPiece, verifiedFile } from './form-body.ts';
import { FormFields } from './form-fields.ts';
import { FormReader } from './form-reader.ts';
import { boundaryOf } from './part-head.ts';
import { checkPostPolicy, parsePostPolicy } from './post-policy.ts';

export interface FormRequest extends AuthRequest {
  readonly client: ClientOrigin;
  readonly exchange: Exchange;
  readonly askForBody: () => void;
}

/** Whether a request is an upload form. @throws S3Error MalformedPOSTRequest */
export function isFormPost({ method, target, headers }: Omit<AuthRequest, 'host'>): boolean {
  return (
    method === 'POST' &&
    target.bucket !== undefined &&
    target.key === undefined &&
    target.query.entries.length === 0 &&
    boundaryOf(headers.get('content-type')) !== undefined
  );
}

/**
 * Reads the form up to its file. A form that nobody signed comes back as an anonymous request.
 * @throws S3Error for whatever is wrong with the form, its signature or its policy
 */
export async function receiveForm(request: FormRequest, deps: AuthDeps): Promise<S3Request> {
  const { exchange, headers, target } = request;
  const { incoming } = exchange;
  const authorization = headers.get('authorization');
  if (authorization !== undefined || isPresignedV4(request) || isPresignedV2(request)) {
    throw severalMechanisms(authorization ?? '');
  }
  const sizeBytes = contentLengthOf(headers);
  const boundary = boundaryOf(headers.get('content-type'))!;
  request.askForBody();
  const reader = new FormReader(boundary, () => nextPiece(incoming));
  const fields = new FormFields(await reader.head());
  const principal = authenticateForm(fields, deps);
  const bucket = target.bucket ?? '';
  const size = checkedPolicy(fields, { bucket, nowMs: deps.clock.wallMs() });
  const key = keyOf(fields);
  exchange.key = key;
  const formHeaders = new RawHeaders([], [...carried(headers), ...headersOf(fields)]);
  const digests = announcedDigests(formHeaders, { trailerAllowed: false, checksumsDescribe: 'body' });
  const form: PostForm = {
    field: (name) => fields.get(name),
    sizeBytesMax: sizeBytes,
    file: () => verifiedFile(reader, { size, digests }),
  };
  return {
    id: exchange.id,
    method: request.method,
    bucket,
    key,
    query: target.query,
    headers: formHeaders,
    host: request.host,
    virtualHost: target.virtualHost,
    principal,
    client: request.client,
    body: noBody,
    form,
    signal: exchange.signal,
  };
}

/** @throws S3Error MissingContentLength, BadRequest */
function contentLengthOf(headers: RawHeaders): number {
  const text = headers.get('content-length');
  if (text === undefined) throw new S3Error('MissingContentLength');
  if (!/^\d{1,15}$/.test(text.trim())) throw new S3Error('BadRequest');
  return Number(text);
}

const anySize = { minBytes: 0, maxBytes: Number.MAX_SAFE_INTEGER };

function checkedPolicy(fields: FormFields, form: { readonly bucket: string; readonly nowMs: number }) {
  const policy = fields.get('policy');
  return policy === undefined ? anySize : checkPostPolicy(parsePostPolicy(policy), { ...form, fields });
}

/** @throws S3Error InvalidArgument, KeyTooLongError */
function keyOf(fields: FormFields): string {
  const key = fields.required('key');
  if (key === '') {
    throw new S3Error('InvalidArgument', {
      message: 'User key must have a length greater than 0.',
      fields: { ArgumentName: 'key', ArgumentValue: '' },
    });
  }
  checkKey(key);
  return key;
}

/** Of the request's own headers those that say who asks from where. */
function carried(headers: RawHeaders): HeaderList {
  return ['host', 'origin', 'referer', 'user-agent'].flatMap((name) => {
    const value = headers.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
}

const entityFields = new Set([
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-md5',
  'content-type',
  'expires',
]);
const signatureFields = new Set([
  'x-amz-algorithm',
  'x-amz-content-sha256',
  'x-amz-credential',
  'x-amz-date',
  'x-amz-decoded-content-length',
  'x-amz-security-token',
  'x-amz-signature',
]);

/** Fields as the headers of a PutObject. @throws S3Error InvalidArgument for what no header can hold */
function headersOf(fields: FormFields): HeaderList {
  return fields.entries.flatMap(([name, value]) => {
    if (name === 'acl') return [['x-amz-acl', headerValueOf(name, value)] as const];
    if (name === 'tagging') return [['x-amz-tagging', taggingHeader(value)] as const];
    const isHeader = entityFields.has(name) || (name.startsWith('x-amz-') && !signatureFields.has(name));
    return isHeader ? [[name, headerValueOf(name, value)] as const] : [];
  });
}

/** A form has tags as a document, a header as a query string. */
function taggingHeader(xml: string): string {
  const tags = new URLSearchParams();
  for (const { key, value } of parseTagging(Buffer.from(xml))) tags.append(key, value);
  return tags.toString();
}
