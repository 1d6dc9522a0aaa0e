/**
 * Operations whose request or answer is an XML document. The SDK writes and reads the documents; paths,
 * headers, signatures, connections, retries and errors are the lean client's, so that any key and any
 * header byte survive and it is known what had been sent.
 */
import { hash } from 'node:crypto';
import {
  S3Client,
  type S3ClientConfig,
  type ServiceInputTypes,
  type ServiceOutputTypes,
} from '@aws-sdk/client-s3';
import type { HeaderList } from '@forebay/core/object';
import {
  asStateUnknown,
  type LeanClient,
  type LeanRequest,
  readErrorOf,
  type WholeAnswer,
} from './lean-client.ts';

type Method = LeanRequest['method'];

export interface ControlCall {
  readonly method: Method;
  readonly key?: string | undefined;
  /** Beside what the SDK sets: metadata, conditions, encryption, ... in the client's own bytes. */
  readonly headers?: HeaderList | undefined;
  readonly about: LeanRequest['about'];
  /** Sends the document's MD5: older stores take no other proof of a list of deletions. */
  readonly contentMd5?: boolean | undefined;
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** The SDK's request at the end of its chain, as far as it is used. */
interface BuiltRequest {
  readonly query: Readonly<Record<string, string | string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

type Command<I extends ServiceInputTypes, O extends ServiceOutputTypes> = Parameters<
  typeof S3Client.prototype.send<I, O>
>[0];

export class ControlClient {
  readonly #lean: LeanClient;
  readonly #sdk: S3Client;

  /** @param sdk from `documentSdk`; the buckets of a store share one, as it holds nothing of a request */
  constructor(lean: LeanClient, sdk: S3Client) {
    this.#lean = lean;
    this.#sdk = sdk;
  }

  /** @returns what the SDK made of the answer, and the answer's headers and document as they came. */
  async run<I extends ServiceInputTypes, O extends ServiceOutputTypes>(
    command: Command<I, O>,
    call: ControlCall,
  ): Promise<{ output: O; headers: HeaderList; document: Buffer }> {
    let answer: WholeAnswer | undefined;
    command.middlewareStack.add(
      () => async (args) => {
        answer = await this.#perform(args.request as BuiltRequest, call);
        const { status, headers, body } = answer;
        // Leading white space kept the connection alive; the document begins after it (S3-WIRE 95).
        const text = body.toString('utf8').trimStart();
        const response = {
          statusCode: status,
          headers: Object.fromEntries(headers),
          body: Buffer.from(text),
        };
        return { response } as never;
      },
      { step: 'deserialize', priority: 'low', name: 'forebayTransport' },
    );
    try {
      const output = await this.#sdk.send(command);
      return { output, headers: answer?.headers ?? [], document: answer?.body ?? Buffer.alloc(0) };
    } catch (error) {
      // Errors before the answer are the lean client's own already; one after it is a document that cannot
      // be read.
      if (!answer) throw error;
      throw isRead(call) ? readErrorOf(error, call) : asStateUnknown(error, call);
    }
  }

  async #perform(built: BuiltRequest, call: ControlCall): Promise<WholeAnswer> {
    const body = bytesOf(built.body);
    const { method, key, about, timeoutMs, signal } = call;
    const md5: HeaderList = call.contentMd5 && body ? [['content-md5', hash('md5', body, 'base64')]] : [];
    const request: LeanRequest = {
      ...{ method, key, about, timeoutMs, signal, body },
      query: queryOf(built.query),
      headers: [...contentHeadersOf(built.headers), ...md5, ...(call.headers ?? [])],
    };
    return isRead(call) ? this.#lean.readWhole(request) : this.#lean.write(request);
  }
}

/** The SDK, to write and read documents. */
export function documentSdk(): S3Client {
  const config: S3ClientConfig = {
    // Never connected to, nor signed for: `#perform` takes the request out of the SDK's hands.
    endpoint: 'http://ufs.invalid',
    region: 'us-east-1',
    forcePathStyle: true,
    credentials: { accessKeyId: 'unused', secretAccessKey: 'unused' },
    signer: { sign: async (request) => request },
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  };
  return new S3Client(config);
}

function isRead(call: ControlCall): boolean {
  return call.method === 'GET' || call.method === 'HEAD';
}

/** Of the SDK's headers only those about the document it wrote. */
function contentHeadersOf(headers: BuiltRequest['headers']): HeaderList {
  return Object.entries(headers)
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => name === 'content-type' || name.startsWith('x-amz-checksum-'));
}

function queryOf(query: BuiltRequest['query']): [string, string][] {
  return Object.entries(query)
    .filter(([name]) => name !== 'x-id')
    .map(([name, value]) => [name, typeof value === 'string' ? value : '']);
}

function bytesOf(body: unknown): Uint8Array | undefined {
  if (body instanceof Uint8Array) return body;
  return typeof body === 'string' && body !== '' ? Buffer.from(body) : undefined;
}
