/** An HTTP client on a bare socket that reads only when it is asked to, and byte by byte where it must. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export class PausingClient {
  readonly socket: Socket;
  #received: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {});
  }

  static async open(port: number): Promise<PausingClient> {
    const socket = connect(port, '127.0.0.1');
    await once(socket, 'connect');
    socket.pause();
    return new PausingClient(socket);
  }

  /** Asks for all of them at once. A target may have headers behind it, each on its line. */
  get(...targets: string[]): void {
    this.socket.write(targets.map((target) => requestOf('GET', target)).join(''));
  }

  /** The head of the answer. */
  headOf(target: string): Promise<string> {
    this.socket.write(requestOf('HEAD', target));
    return this.head();
  }

  /** Exactly so many bytes, or what came before the end. */
  async read(lengthBytes: number): Promise<Buffer> {
    const parts = [this.#received];
    let count = this.#received.byteLength;
    while (count < lengthBytes) {
      const part = this.socket.read() as Buffer | null;
      if (part) {
        parts.push(part);
        count += part.byteLength;
      } else if (this.socket.destroyed || this.socket.readableEnded) break;
      else await this.#moved();
    }
    const all = Buffer.concat(parts);
    this.#received = all.subarray(lengthBytes);
    return all.subarray(0, lengthBytes);
  }

  async #moved(): Promise<void> {
    const over = new AbortController();
    const { signal } = over;
    const events = ['readable', 'close'].map((event) => once(this.socket, event, { signal }));
    await Promise.race(events).finally(() => over.abort());
    await Promise.allSettled(events);
  }

  async head(): Promise<string> {
    let head = '';
    while (!head.endsWith('\r\n\r\n')) {
      const byte = await this.read(1);
      if (byte.byteLength === 0) return head;
      head += byte.toString('latin1');
    }
    return head;
  }
}

function requestOf(method: string, target: string): string {
  const [path, ...headers] = target.split('\n');
  return [`${method} ${path} HTTP/1.1`, 'Host: 127.0.0.1', ...headers, '', ''].join('\r\n');
}
