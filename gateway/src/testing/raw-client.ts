/** An HTTP client on a bare socket: what it sends is what stands here, and it reads answers byte by byte. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  amzDateOf,
  canonicalQuery,
  canonicalRequest,
  emptySha256,
  hmacSha256Hex,
  SigningKeys,
  stringToSign,
  uriEncodePath,
} from '@forebay/core/sigv4';
import { testAccessKey, testSecretKey } from './test-gateway.ts';

export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Status line and headers as they came. */
  readonly head: string;
}

export class RawClient {
  readonly socket: Socket;
  /** What came and was not looked at yet, joined when it is. */
  #pieces: Buffer[] = [];
  #receivedBytes = 0;
  #ended = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (bytes) => {
      this.#pieces.push(bytes);
      this.#receivedBytes += bytes.length;
      this.#wake();
    });
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    socket.on('end', end).on('close', end).on('error', end);
  }

  static async open(port: number): Promise<RawClient> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    return new RawClient(socket);
  }

  send(text: string | Uint8Array): void {
    this.socket.write(text);
  }

  /** The next answer; `head`: it has no body whatever its headers say. */
  async answer(options: { readonly head?: boolean } = {}): Promise<RawAnswer> {
    const end = await this.#until(() => this.#received.indexOf('\r\n\r\n'));
    const head = this.#take(end + 4);
    const [statusLine = '', ...lines] = head.trimEnd().split('\r\n');
    const headers = Object.fromEntries(
      lines.map((line) => [
        line.slice(0, line.indexOf(':')).toLowerCase(),
        line.slice(line.indexOf(':') + 1).trim(),
      ]),
    );
    const isBodiless = options.head === true || / 304 /.test(statusLine);
    const lengthBytes = isBodiless ? 0 : Number(headers['content-length'] ?? 0);
    await this.#until(() => (this.#receivedBytes >= lengthBytes ? 0 : -1));
    return { status: Number(statusLine.split(' ')[1]), headers, body: this.#take(lengthBytes), head };
  }

  /** Resolves with what came last when the other side has closed. */
  async closed(): Promise<string> {
    await this.#until(() => (this.#ended ? 0 : -1));
    return this.#take(this.#receivedBytes);
  }

  close(): void {
    this.socket.destroy();
  }

  #take(lengthBytes: number): string {
    const received = this.#received;
    this.#pieces = [received.subarray(lengthBytes)];
    this.#receivedBytes -= lengthBytes;
    return received.toString('latin1', 0, lengthBytes);
  }

  get #received(): Buffer {
    const [first = Buffer.alloc(0), ...more] = this.#pieces;
    if (more.length > 0) this.#pieces = [Buffer.concat(this.#pieces)];
    return this.#pieces[0] ?? first;
  }

  async #until(look: () => number): Promise<number> {
    for (;;) {
      const found = look();
      if (found >= 0) return found;
      if (this.#ended) throw new Error(`the connection ended after: ${this.#received.toString('latin1')}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}

/** The head of a signed request, with an empty line at its end. */
export function signedHead(options: {
  readonly method: string;
  /** As it goes on the wire, query included. */
  readonly target: string;
  /** Where the target is not what is signed: the path of an absolute-form target. */
  readonly signedPath?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly payload?: string;
}): string {
  const { method, target, host = 'localhost', payload = emptySha256 } = options;
  const amzDate = amzDateOf(Date.now());
  const signed: Record<string, string> = {
    host,
    'x-amz-content-sha256': payload,
    'x-amz-date': amzDate,
    ...options.headers,
  };
  const names = Object.keys(signed).sort();
  const [path = '', query = ''] = (options.signedPath ?? target).split('?');
  const entries = [...new URLSearchParams(query)] as [string, string][];
  const scope = `${amzDate.slice(0, 8)}/us-east-1/s3/aws4_request`;
  const canonical = canonicalRequest({
    method,
    path: uriEncodePath(decodeURIComponent(path)),
    query: canonicalQuery(entries),
    headers: names.map((name) => [name, signed[name]!] as const),
    payloadHash: payload,
  });
  const key = new SigningKeys().get(testSecretKey, amzDate.slice(0, 8), 'us-east-1');
  const signature = hmacSha256Hex(key, stringToSign(amzDate, scope, canonical));
  const credential = `${testAccessKey}/${scope}`;
  const signedNames = `SignedHeaders=${names.join(';')}`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${credential}, ${signedNames}, Signature=${signature}`;
  const lines = [...names.map((name) => `${name}: ${signed[name]}`), `authorization: ${authorization}`];
  return `${method} ${target} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`;
}
