/** Bodies on their way from a node to a client, as a gateway passes them on. */
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { isRelayed, type RelayedBody } from '@forebay/core/pieces';
import { descriptorOf } from '@forebay/core/socket-descriptor';
import { anyPort } from './pair.ts';

/** Connections of clients for one test: `afterEach(() => clients.clear())`. */
export class Clients {
  readonly #sockets: Socket[] = [];

  /** The end that a gateway writes to, and the client's. */
  async open(): Promise<{ gateway: Socket; client: Socket }> {
    const server = createServer().listen(anyPort);
    await once(server, 'listening');
    const client = connect({ ...anyPort, port: (server.address() as { port: number }).port });
    const [gateway] = (await once(server, 'connection')) as [Socket];
    server.close();
    this.#sockets.push(client, gateway);
    client.on('error', () => {});
    gateway.on('error', () => {});
    return { gateway, client };
  }

  clear(): void {
    for (const socket of this.#sockets.splice(0)) socket.destroy();
  }
}

/** As the gateway writes an answer. @returns bytes that went past this process. @throws as the body */
export async function relay(body: unknown, gateway: Socket): Promise<number> {
  const relayed = body as RelayedBody;
  if (!isRelayed(relayed)) throw new Error('the body cannot be passed on');
  let passedBytes = 0;
  try {
    while (!gateway.destroyed) {
      const socket = gateway.writableLength === 0 ? descriptorOf(gateway) : undefined;
      const passed = socket === undefined ? 0 : relayed.passOn(socket);
      passedBytes += passed;
      if (passed > 0) continue;
      const { value } = await relayed.next();
      if (value === undefined) break;
      if (value.byteLength > 0) await new Promise((resolve) => gateway.write(value, resolve));
    }
  } finally {
    await relayed.return?.();
  }
  return passedBytes;
}

export async function readAll(client: Socket, pauseEvery = 0): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of client) {
    pieces.push(piece as Buffer);
    if (pauseEvery > 0 && pieces.length % pauseEvery === 0)
      await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return Buffer.concat(pieces);
}
