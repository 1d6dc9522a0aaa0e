/**
 * An S3 server in memory, in the test's own process. Every request takes effect at one instant, so what
 * it answers can be held against any order of events; a test may delay requests before and after that
 * instant. It signs nothing and verifies nothing, and has what a client of one bucket needs: objects, ranges,
 * conditions, copies, multipart uploads and listings.
 */
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { errorXml } from './proxy-rules.ts';

export interface MemoryS3Options {
  /** 127.0.0.1 without it. */
  readonly host?: string;
  /** Waited for before a request takes effect, and again before it is answered. */
  readonly delay?: (request: { readonly method: string; readonly isRead: boolean }) => Promise<void>;
  /** Told of each request as it takes effect; what it gives is answered instead. */
  readonly onRequest?: (request: MemoryRequest) => MemoryRefusal | undefined;
}

export interface MemoryRequest {
  readonly method: string;
  /** `bucket/key`, decoded; of a bucket its name alone. */
  readonly path: string;
}

export interface MemoryRefusal {
  readonly status: number;
  readonly code: string;
}

export interface MemoryS3 {
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** The present body of a key of any bucket, `bucket/key`. */
  bodyOf(path: string): Buffer | undefined;
  /** As a PUT does, without a request. The body is kept, and not copied. */
  put(path: string, body: Buffer): void;
  stop(): Promise<void>;
}

interface Stored {
  readonly body: Buffer;
  readonly etag: string;
  readonly modifiedMs: number;
}

interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer | string;
}

interface Question {
  readonly method: string;
  /** `bucket/key`, decoded. */
  readonly path: string;
  readonly bucket: string;
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

const md5 = (bytes: Buffer) => createHash('md5').update(bytes).digest();
const escapeXml = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
const tagged = (tag: string, text: string | number) => `<${tag}>${escapeXml(String(text))}</${tag}>`;

/** ETag of an object that was uploaded whole, and of one from parts. */
export const etagOf = (body: Buffer) => `"${md5(body).toString('hex')}"`;
export const partsEtagOf = (parts: readonly Buffer[]) =>
  `"${md5(Buffer.concat(parts.map(md5))).toString('hex')}-${parts.length}"`;

export async function startMemoryS3(options: MemoryS3Options = {}): Promise<MemoryS3> {
  const store = new Store();
  const sockets = new Set<Socket>();
  const server = createServer({ keepAliveTimeout: 60_000, requestTimeout: 0 }, (request, response) => {
    void serve(store, { request, response, options }).catch(() => response.destroy());
  });
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  const host = options.host ?? '127.0.0.1';
  server.listen(0, host);
  await once(server, 'listening');
  return {
    endpoint: `http://${host}:${(server.address() as AddressInfo).port}`,
    accessKey: 'MEMORYACCESSKEY',
    secretKey: 'memory-secret-key',
    bodyOf: (path) => store.objects.get(path)?.body,
    put: (path, body) => store.put(path, body),
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

async function serve(
  store: Store,
  of: { request: IncomingMessage; response: ServerResponse; options: MemoryS3Options },
): Promise<void> {
  const { request, response, options } = of;
  const { delay, onRequest } = options;
  const pieces: Buffer[] = [];
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece);
  const method = request.method ?? 'GET';
  const url = new URL(request.url ?? '/', 'http://memory');
  const path = decodeURIComponent(url.pathname).slice(1);
  const slash = path.indexOf('/');
  const [bucket, key] = slash < 0 ? [path, ''] : [path.slice(0, slash), path.slice(slash + 1)];
  const isRead = method === 'GET' || method === 'HEAD';
  await delay?.({ method, isRead });
  const refused = onRequest?.({ method, path });
  const question = { method, path, bucket, key, query: url.searchParams, headers: request.headers };
  const answer = refused
    ? refusal(refused.status, refused.code)
    : store.answer({ ...question, body: Buffer.concat(pieces) });
  await delay?.({ method, isRead });
  const body = Buffer.from(answer.body ?? '');
  const length = method === 'HEAD' ? {} : { 'content-length': String(body.length) };
  response.writeHead(answer.status, { ...length, ...answer.headers });
  response.end(method === 'HEAD' ? undefined : body);
}

class Store {
  /** By `bucket/key`. */
  readonly objects = new Map<string, Stored>();
  readonly #uploads = new Map<string, Map<number, Buffer>>();
  /** The paths in order, until one comes or goes. */
  #sorted: readonly string[] | undefined;

  put(path: string, body: Buffer): void {
    this.#store(path, body);
  }

  /** In one tick. */
  answer(question: Question): Answer {
    const { method, key, query } = question;
    if (key === '') return this.#ofBucket(question);
    const uploadId = query.get('uploadId');
    if (method === 'GET' || method === 'HEAD') return this.#get(question);
    if (method === 'PUT') {
      return uploadId === null ? this.#put(question) : this.#putPart(question, uploadId);
    }
    if (method === 'POST' && query.has('uploads')) return this.#beginUpload(question);
    if (method === 'POST' && uploadId !== null) return this.#complete(question, uploadId);
    if (method !== 'DELETE') return refusal(501, 'NotImplemented');
    if (uploadId === null) this.#remove(question.path);
    else this.#uploads.delete(uploadId);
    return { status: 204 };
  }

  #ofBucket({ method, bucket, query, body }: Question): Answer {
    if (method === 'PUT' || method === 'HEAD') return { status: 200 };
    if (method === 'GET' && query.get('list-type') === '2') return this.#list(bucket, query);
    if (method !== 'POST' || !query.has('delete')) return refusal(501, 'NotImplemented');
    const keys = [...body.toString().matchAll(/<Key>([^<]*)<\/Key>/g)].map((match) => match[1]!);
    for (const key of keys) this.#remove(`${bucket}/${key}`);
    const deleted = keys.map((key) => `<Deleted>${tagged('Key', key)}</Deleted>`).join('');
    return xml(`<DeleteResult>${deleted}</DeleteResult>`);
  }

  #get({ path, headers }: Question): Answer {
    const found = this.objects.get(path);
    if (!found) return refusal(404, 'NoSuchKey');
    const { body, etag, modifiedMs } = found;
    if (headers['if-match'] !== undefined && headers['if-match'] !== etag) {
      return refusal(412, 'PreconditionFailed');
    }
    if (headers['if-none-match'] === etag) return { status: 304, headers: { etag } };
    const same = {
      etag,
      'last-modified': new Date(modifiedMs).toUTCString(),
      'accept-ranges': 'bytes',
      'content-type': 'application/octet-stream',
    };
    const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(headers.range ?? '') ?? [];
    if (first === undefined || last === undefined) {
      return { status: 200, headers: { ...same, 'content-length': String(body.length) }, body };
    }
    const start = first === '' ? Math.max(0, body.length - Number(last)) : Number(first);
    const end = first === '' || last === '' ? body.length : Math.min(body.length, Number(last) + 1);
    if (start >= body.length) return refusal(416, 'InvalidRange');
    const range = `bytes ${start}-${end - 1}/${body.length}`;
    const length = { 'content-range': range, 'content-length': String(end - start) };
    return { status: 206, headers: { ...same, ...length }, body: body.subarray(start, end) };
  }

  #put({ path, headers, body }: Question): Answer {
    const source = headers['x-amz-copy-source'];
    if (typeof source !== 'string') return { status: 200, headers: { etag: this.#store(path, body).etag } };
    const found = this.objects.get(decodeURIComponent(source.replace(/^\//, '')));
    if (!found) return refusal(404, 'NoSuchKey');
    const wanted = headers['x-amz-copy-source-if-match'];
    if (wanted !== undefined && wanted !== found.etag) return refusal(412, 'PreconditionFailed');
    const { etag, modifiedMs } = this.#store(path, found.body);
    const date = tagged('LastModified', new Date(modifiedMs).toISOString());
    return xml(`<CopyObjectResult>${tagged('ETag', etag)}${date}</CopyObjectResult>`);
  }

  #store(path: string, body: Buffer, etag = etagOf(body)): Stored {
    const stored = { body, etag, modifiedMs: Math.floor(Date.now() / 1000) * 1000 };
    if (!this.objects.has(path)) this.#sorted = undefined;
    this.objects.set(path, stored);
    return stored;
  }

  #remove(path: string): void {
    if (this.objects.delete(path)) this.#sorted = undefined;
  }

  #beginUpload({ bucket, key }: Question): Answer {
    const id = randomBytes(12).toString('hex');
    this.#uploads.set(id, new Map());
    const names = `${tagged('Bucket', bucket)}${tagged('Key', key)}${tagged('UploadId', id)}`;
    return xml(`<InitiateMultipartUploadResult>${names}</InitiateMultipartUploadResult>`);
  }

  #putPart({ query, body }: Question, uploadId: string): Answer {
    const parts = this.#uploads.get(uploadId);
    if (!parts) return refusal(404, 'NoSuchUpload');
    parts.set(Number(query.get('partNumber')), body);
    return { status: 200, headers: { etag: etagOf(body) } };
  }

  #complete({ path, bucket, key, body }: Question, uploadId: string): Answer {
    const parts = this.#uploads.get(uploadId);
    if (!parts) return refusal(404, 'NoSuchUpload');
    const numbers = [...body.toString().matchAll(/<PartNumber>(\d+)</g)].map((match) => Number(match[1]));
    const bodies = numbers.map((number) => parts.get(number));
    if (bodies.length === 0 || bodies.includes(undefined)) return refusal(400, 'InvalidPart');
    this.#uploads.delete(uploadId);
    const whole = Buffer.concat(bodies as Buffer[]);
    const { etag } = this.#store(path, whole, partsEtagOf(bodies as Buffer[]));
    const names = `${tagged('Bucket', bucket)}${tagged('Key', key)}${tagged('ETag', etag)}`;
    return xml(`<CompleteMultipartUploadResult>${names}</CompleteMultipartUploadResult>`);
  }

  /** Without delimiters: nobody here asks for them. */
  #list(bucket: string, query: URLSearchParams): Answer {
    if (query.get('delimiter')) return refusal(501, 'NotImplemented');
    const prefix = query.get('prefix') ?? '';
    const after = query.get('continuation-token') ?? query.get('start-after') ?? '';
    const max = Number(query.get('max-keys') ?? 1000);
    this.#sorted ??= [...this.objects.keys()].sort();
    const start = `${bucket}/${prefix}`;
    const page: string[] = [];
    let more = false;
    for (let at = firstAfter(this.#sorted, `${bucket}/${after}`); at < this.#sorted.length; at += 1) {
      const path = this.#sorted[at]!;
      if (path < start) continue;
      if (!path.startsWith(start)) break;
      more = page.length === max;
      if (more) break;
      page.push(path.slice(bucket.length + 1));
    }
    const contents = page.map((key) => contentsOf(key, this.objects.get(`${bucket}/${key}`)!));
    const next = more ? tagged('NextContinuationToken', page.at(-1)!) : '';
    const head = `${tagged('Name', bucket)}${tagged('Prefix', prefix)}${tagged('KeyCount', page.length)}`;
    const rest = `${tagged('MaxKeys', max)}${tagged('IsTruncated', String(more))}${next}`;
    return xml(`<ListBucketResult>${head}${rest}${contents.join('')}</ListBucketResult>`);
  }
}

/** Where in sorted texts the first one lies that comes after this one. */
function firstAfter(sorted: readonly string[], text: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (sorted[middle]! > text) high = middle;
    else low = middle + 1;
  }
  return low;
}

function contentsOf(key: string, { body, etag, modifiedMs }: Stored): string {
  const date = tagged('LastModified', new Date(modifiedMs).toISOString());
  const rest = `${tagged('Size', body.length)}${tagged('StorageClass', 'STANDARD')}`;
  return `<Contents>${tagged('Key', key)}${date}${tagged('ETag', etag)}${rest}</Contents>`;
}

function xml(text: string): Answer {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n${text}`;
  return { status: 200, headers: { 'content-type': 'application/xml' }, body };
}

function refusal(status: number, code: string): Answer {
  return { status, headers: { 'content-type': 'application/xml' }, body: errorXml(code) };
}
