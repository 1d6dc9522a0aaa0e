/** Bytes on a bare socket and the answers to them: what no HTTP client would send. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { S3Endpoint } from '../support/servers.ts';
import type { SignedCall, WireReply } from '../support/wire-client.ts';

const answerTimeoutMs = 10_000;

/** The head of a signed call as text, with an empty line at its end. */
export function headText(signed: SignedCall, extra: readonly string[] = []): string {
  const lines = Object.entries(signed.headers).map(([name, value]) => `${name}: ${value}`);
  return `${signed.method} ${signed.target} HTTP/1.1\r\n${[...lines, ...extra].join('\r\n')}\r\n\r\n`;
}

/** Sends, and takes the first answer that is not an interim one. @throws Error without one in time */
export async function rawExchange(
  server: S3Endpoint,
  text: string | Uint8Array,
  { head = false }: { readonly head?: boolean } = {},
): Promise<WireReply> {
  const connection = await RawConnection.open(server);
  try {
    connection.send(text);
    return await connection.answer(head);
  } finally {
    connection.close();
  }
}

export class RawConnection {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #ended = false;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setTimeout(answerTimeoutMs, () => socket.destroy());
    socket.on('data', (bytes) => {
      this.#received = Buffer.concat([this.#received, bytes]);
      this.#wake();
    });
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    socket.on('end', end).on('close', end).on('error', end);
  }

  static async open(server: S3Endpoint): Promise<RawConnection> {
    const { hostname, port } = new URL(server.endpoint);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    return new RawConnection(socket);
  }

  send(bytes: string | Uint8Array): void {
    this.#socket.write(bytes);
  }

  /** Says that nothing more comes, and still listens. */
  end(): void {
    this.#socket.end();
  }

  /** The status line of the next head, interim or not; nothing of it is taken. */
  async nextStatus(): Promise<number> {
    await this.#until(() => this.#received.indexOf('\r\n\r\n') >= 0);
    return Number(this.#received.toString('latin1', 9, 12));
  }

  async answer(isHead = false): Promise<WireReply> {
    for (;;) {
      await this.#until(() => this.#received.indexOf('\r\n\r\n') >= 0);
      const end = this.#received.indexOf('\r\n\r\n');
      const [line = '', ...lines] = this.#take(end + 4)
        .toString('latin1')
        .trimEnd()
        .split('\r\n');
      const status = Number(line.split(' ')[1]);
      if (status < 200) continue;
      const headers = Object.fromEntries(
        lines.map((text) => {
          const at = text.indexOf(':');
          return [text.slice(0, at).toLowerCase(), text.slice(at + 1).trim()];
        }),
      );
      const body = isHead || status === 204 || status === 304 ? Buffer.alloc(0) : await this.#body(headers);
      const code = status >= 300 ? /<Code>([^<]*)<\/Code>/.exec(body.toString('latin1'))?.[1] : undefined;
      return { status, headers, body, isCut: false, code };
    }
  }

  close(): void {
    this.#socket.destroy();
  }

  async #body(headers: Readonly<Record<string, string>>): Promise<Buffer> {
    if (headers['transfer-encoding'] === 'chunked') {
      await this.#until(
        () => this.#received.includes('\r\n0\r\n\r\n') || this.#received.includes('0\r\n\r\n'),
      );
      const text = this.#take(this.#received.length).toString('latin1');
      return Buffer.from(text.replaceAll(/(^|\r\n)[0-9a-fA-F]+\r\n/g, ''), 'latin1');
    }
    const length = headers['content-length'];
    if (length === undefined) {
      await this.#until(() => this.#ended);
      return this.#take(this.#received.length);
    }
    await this.#until(() => this.#received.length >= Number(length));
    return this.#take(Number(length));
  }

  #take(lengthBytes: number): Buffer {
    const taken = this.#received.subarray(0, lengthBytes);
    this.#received = this.#received.subarray(lengthBytes);
    return taken;
  }

  async #until(isThere: () => boolean): Promise<void> {
    while (!isThere()) {
      if (this.#ended) throw new Error(`the connection ended after ${this.#received.length} bytes`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
