/** Inputs that pass the signature and are odd behind it: parameters, headers, documents, framing, forms. */
import { createHash } from 'node:crypto';
import { chunkedBody } from '@forebay/gateway/testing/chunked-body';
import { formBody, formType, signedFields } from '@forebay/gateway/testing/upload-form';
import { linkV2, linkV4 } from '../support/presigned.ts';
import { mutate, type Random } from '../support/random.ts';
import { signCall } from '../support/wire-client.ts';
import { documentOf } from './documents.ts';
import {
  bucket,
  cut,
  type FuzzContext,
  type FuzzInput,
  finishOf,
  type Generator,
  keyOf,
  signed,
  wireOf,
} from './input.ts';

function sent(random: Random, bytes: Buffer, isHead = false): FuzzInput {
  return { pieces: cut(random, bytes, 2), finish: finishOf(random), isHead };
}

const queryNames = [
  ...['acl', 'attributes', 'cors', 'delete', 'encoding-type', 'fetch-owner', 'key-marker', 'legal-hold'],
  ...['list-type', 'location', 'marker', 'max-keys', 'max-parts', 'max-uploads', 'partNumber', 'policy'],
  ...['part-number-marker', 'prefix', 'delimiter', 'continuation-token', 'start-after', 'restore', 'select'],
  ...['response-content-type', 'response-expires', 'retention', 'tagging', 'torrent', 'upload-id-marker'],
  ...[
    'uploadId',
    'uploads',
    'version-id-marker',
    'versionId',
    'versioning',
    'versions',
    'x-id',
    'object-lock',
  ],
  ...['X-Amz-Signature', 'Signature', '__proto__', 'constructor', 'toString'],
];
const queryValues = [
  '',
  '0',
  '1',
  '-1',
  '2',
  '10001',
  '9'.repeat(30),
  'url',
  'true',
  'null',
  'NaN',
  '/',
  'k',
];

const headerNames = [
  ...['range', 'if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since', 'if-range'],
  ...['content-md5', 'content-type', 'content-encoding', 'cache-control', 'expires', 'origin', 'expect'],
  ...['x-amz-acl', 'x-amz-checksum-crc32', 'x-amz-checksum-sha256', 'x-amz-checksum-mode', 'x-amz-trailer'],
  ...['x-amz-copy-source', 'x-amz-copy-source-range', 'x-amz-copy-source-if-match', 'x-amz-grant-read'],
  ...[
    'x-amz-decoded-content-length',
    'x-amz-meta-a',
    'x-amz-metadata-directive',
    'x-amz-mfa',
    'x-amz-tagging',
  ],
  ...[
    'x-amz-object-attributes',
    'x-amz-object-lock-mode',
    'x-amz-sdk-checksum-algorithm',
    'x-amz-mp-object-size',
  ],
  ...[
    'x-amz-server-side-encryption',
    'x-amz-server-side-encryption-customer-algorithm',
    'x-amz-storage-class',
  ],
  ...['x-amz-website-redirect-location', 'x-amz-write-offset-bytes', 'x-amz-expected-bucket-owner'],
  ...['x-amz-security-token', 'x-forwarded-host', 'access-control-request-method', 'x-amz-max-parts'],
];
const headerValues = [
  ...['', '*', '"a"', 'W/"a"', '"a", "b"', 'bytes=0-0', 'bytes=-0', 'bytes=5-1', 'bytes=0-99999999999999999'],
  ...[
    `/${bucket}/k0`,
    `${bucket}/k0?versionId=null`,
    '/',
    '%',
    `/${bucket}/%2e%2e/%2e%2e/etc`,
    'COPY',
    'REPLACE',
  ],
  ...[
    'Sat, 01 Jan 2026 00:00:00 GMT',
    '99999999999',
    'AAAAAA==',
    'aws-chunked',
    'gzip',
    '100-continue',
    '-1',
  ],
  ...[
    'a=b&c=d',
    'a=b&a=c',
    '%zz=1',
    'STANDARD',
    'GLACIER',
    'private',
    'public-read',
    'AES256',
    'ETag,Checksum',
  ],
];

function oddQuery(context: FuzzContext): (readonly [string, string])[] {
  const { random, uploads } = context;
  const upload = random.pick(uploads);
  return Array.from({ length: random.int(4) }, () => {
    const name = random.chance(0.9) ? random.pick(queryNames) : random.text(8);
    if (name === 'uploadId' && random.chance(0.6)) return [name, upload[1]] as const;
    return [name, random.chance(0.7) ? random.pick(queryValues) : random.text(30)] as const;
  });
}

function oddHeaders(random: Random): Record<string, string> {
  const count = random.int(5);
  const pairs = Array.from({ length: count }, () => [
    random.pick(headerNames),
    random.chance(0.75) ? random.pick(headerValues) : random.text(40),
  ]);
  return Object.fromEntries(pairs) as Record<string, string>;
}

/** Any method on any path with any parameters and headers. */
const odd: Generator = (context) => {
  const { random, uploads } = context;
  const path = random.pick([
    '/',
    `/${bucket}`,
    `/${bucket}/`,
    `/${bucket}/${keyOf(context)}`,
    `/${bucket}/${uploads[0]?.[0]}`,
    `/${bucket}/${random.text(20)}`,
    `/${random.text(12)}`,
  ]);
  const method = random.pick(['GET', 'GET', 'HEAD', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'PATCH']);
  const body = random.chance(0.5) ? undefined : random.bytes(random.pick([0, 1, 20, 300]));
  const headers = oddHeaders(random);
  const call = { method, path: path.replaceAll('\0', ''), query: oddQuery(context), headers };
  return sent(random, signed(context, { ...call, ...(body && { body }) }), method === 'HEAD');
};

/** Documents that are bombs, towers, or slightly wrong, where a document is read. */
const document: Generator = (context) => {
  const { random, uploads } = context;
  const [uploadKey, uploadId] = random.pick(uploads);
  const places = [
    { method: 'POST', path: `/${bucket}`, query: [['delete', '']], root: 'Delete' },
    {
      method: 'POST',
      path: `/${bucket}/${uploadKey}`,
      query: [['uploadId', uploadId]],
      root: 'CompleteMultipartUpload',
    },
    { method: 'PUT', path: `/${bucket}/k0`, query: [['tagging', '']], root: 'Tagging' },
    { method: 'PUT', path: `/${bucket}/k0`, query: [['acl', '']], root: 'AccessControlPolicy' },
    { method: 'PUT', path: `/${bucket}/k0`, query: [['retention', '']], root: 'Retention' },
    { method: 'PUT', path: `/${bucket}/k0`, query: [['legal-hold', '']], root: 'LegalHold' },
    { method: 'POST', path: `/${bucket}/k0`, query: [['restore', '']], root: 'RestoreRequest' },
    { method: 'PUT', path: `/${bucket}`, query: [['versioning', '']], root: 'VersioningConfiguration' },
    { method: 'PUT', path: '/another', query: [], root: 'CreateBucketConfiguration' },
  ] as const;
  const { root, ...place } = random.pick(places);
  const body = documentOf(random, root);
  const md5 = { 'content-md5': createHash('md5').update(body).digest('base64') };
  const headers = random.chance(0.1) ? md5 : {};
  return sent(random, signed(context, { ...place, headers, body }));
};

/** Every mode of `aws-chunked`, with a frame that is damaged after it was signed, or right. */
const awsChunked: Generator = (context) => {
  const { random, server } = context;
  const mode = random.pick(['signed', 'signed-trailer', 'unsigned-trailer'] as const);
  const payloadHash = {
    signed: 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
    'signed-trailer': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
    'unsigned-trailer': 'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
  }[mode];
  const trailer = mode !== 'signed';
  const chunks = random.some([random.bytes(8192), random.bytes(9000)], 0.3).concat(random.bytes(30));
  const sizeBytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const call = signCall(server, {
    method: 'PUT',
    path: random.pick([`/${bucket}/${keyOf(context)}`, `/${bucket}`]),
    payloadHash,
    headers: {
      'transfer-encoding': 'chunked',
      'x-amz-decoded-content-length': String(random.chance(0.9) ? sizeBytes : random.int(20_000)),
      ...(trailer && {
        'x-amz-trailer': random.chance(0.9) ? 'x-amz-checksum-crc32' : random.text(10).trim(),
      }),
    },
  });
  const frame = chunkedBody({
    chunks,
    signing: mode === 'unsigned-trailer' ? undefined : call.signing,
    trailers: trailer ? [['x-amz-checksum-crc32', 'AAAAAA==']] : [],
    trailer,
  });
  const body = random.chance(0.2) ? frame : mutate(random, frame, 2);
  const wrapped = Buffer.concat([
    Buffer.from(`${body.length.toString(16)}\r\n`),
    body,
    Buffer.from('\r\n0\r\n\r\n'),
  ]);
  return sent(random, wireOf(asciiOnly(call), body.length === 0 ? Buffer.from('0\r\n\r\n') : wrapped));
};

function asciiOnly(call: ReturnType<typeof signCall>): ReturnType<typeof signCall> {
  const headers = Object.entries(call.headers).map(([name, value]) => [name, value.replace(/[^ -~]/g, '')]);
  return { ...call, headers: Object.fromEntries(headers) };
}

/** Forms with a right signature over an odd policy, and damaged ones. */
const form: Generator = (context) => {
  const { random, server } = context;
  const fields = {
    key: random.chance(0.9) ? random.pick([keyOf(context), 'up/$' + '{filename}']) : random.text(9),
    ...(random.chance(0.3) && { 'Content-Type': random.text(20) }),
    ...(random.chance(0.3) && { success_action_status: random.pick(['200', '201', '204', 'x']) }),
    ...(random.chance(0.3) && { success_action_redirect: `http://x/${random.text(20)}` }),
    ...(random.chance(0.3) && { tagging: documentOf(random, 'Tagging').toString().slice(0, 9000) }),
    ...(random.chance(0.2) && { [random.pick(headerNames)]: random.text(20) }),
  };
  const odd = random.pick<unknown>([
    { toString: 1 },
    [],
    ['eq'],
    ['eq', '$key', {}],
    null,
    [[[[]]]],
    'x',
    {},
  ]);
  const range = ['content-length-range', random.int(100), random.int(300)];
  const conditions = [{ bucket }, ['starts-with', '$key', ''], random.chance(0.5) ? range : odd];
  const made = signedFields(bucket, fields, { signer: server, ...(random.chance(0.3) && { conditions }) });
  const parts = Object.entries(made).map(([name, value]) => [name, value] as const);
  const body = formBody([
    ...parts,
    ['file', random.bytes(random.int(200)), random.chance(0.8) ? 'name' : random.text(20)],
  ]);
  const damaged = random.chance(0.35) ? mutate(random, body) : body;
  const length = random.chance(0.9) ? damaged.length : damaged.length + random.int(50) - 25;
  const type = random.chance(0.9) ? formType : `multipart/form-data; boundary=${random.text(20)}`;
  const head =
    `POST /${bucket} HTTP/1.1\r\nHost: h\r\nContent-Type: ${type.replace(/[\0\r\n]/g, '')}\r\n` +
    `Content-Length: ${Math.max(0, length)}\r\n\r\n`;
  return sent(random, Buffer.concat([Buffer.from(head), damaged]));
};

const links: Generator = (context) => {
  const { random, server } = context;
  const link = random.pick([linkV4, linkV2])(server, {
    method: 'GET',
    path: `/${bucket}/${keyOf(context)}`,
    expiresInSeconds: random.pick([0, 60, 604_800]),
    signedAtMs: Date.now() - random.pick([0, 0, 0, 3_600_000, -3_600_000]),
  });
  const target = random.chance(0.3) ? link : mutate(random, Buffer.from(link), 2).toString('latin1');
  const line = `GET ${target.replace(/[\0\r\n ]/g, '')} HTTP/1.1\r\nHost: ${new URL(server.endpoint).host}\r\n\r\n`;
  return sent(random, Buffer.from(line, 'latin1'));
};

/** What clients do all day. */
const right: Generator = (context) => {
  const { random } = context;
  const path = `/${bucket}/${keyOf(context)}`;
  const method = random.pick(['GET', 'HEAD', 'PUT', 'DELETE', 'LIST']);
  if (method === 'LIST')
    return sent(random, signed(context, { path: `/${bucket}`, query: [['list-type', '2']] }));
  const body = method === 'PUT' ? { body: random.bytes(random.int(200)) } : {};
  return sent(random, signed(context, { method, path, ...body }), method === 'HEAD');
};

export const signedInputs: Readonly<Record<string, readonly [weight: number, generate: Generator]>> = {
  odd: [16, odd],
  document: [8, document],
  'aws-chunked': [7, awsChunked],
  form: [7, form],
  links: [5, links],
  right: [6, right],
};
