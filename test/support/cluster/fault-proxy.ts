/**
 * A TCP proxy that can lose what it carries: while it is cut, connections stay open and bring nothing, and
 * new ones are taken and lead nowhere, as where a cable is out.
 */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export interface FaultProxy {
  readonly port: number;
  /**
   * @returns to be called once to undo it. When nobody has cut it any more, the connections of that time end,
   * and new ones work.
   */
  cut(): () => void;
  stop(): Promise<void>;
}

/** @param listenHost where it listens; 127.0.0.1 without it */
export async function startFaultProxy(
  target: { readonly host: string; readonly port: number },
  listenHost = '127.0.0.1',
): Promise<FaultProxy> {
  const sockets = new Set<Socket>();
  let cuts = 0;
  const keep = (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => sockets.delete(socket));
    if (cuts > 0) socket.pause();
  };
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    keep(client);
    if (cuts > 0) return;
    const upstream = connect({ ...target, allowHalfOpen: true, noDelay: true });
    keep(upstream);
    client.pipe(upstream).pipe(client);
    client.once('close', () => upstream.destroy());
    upstream.once('close', () => client.destroy());
  });
  server.listen(0, listenHost);
  await once(server, 'listening');
  const endAll = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut: () => {
      cuts += 1;
      for (const socket of sockets) {
        socket.unpipe();
        socket.pause();
      }
      return () => {
        cuts -= 1;
        if (cuts === 0) endAll();
      };
    },
    stop: async () => {
      const closed = once(server, 'close');
      server.close();
      endAll();
      await closed;
    },
  };
}
