/**
 * HTTP servers as roles use them: listening with a clear word where they cannot, and drained where they end.
 */
import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, isIPv6 } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { CommandError } from '../command-error.ts';

export interface Place {
  readonly host: string;
  readonly port: number;
  /** `--port`: what to change where the port is taken. */
  readonly portFlag: string;
}

/** @returns the URL for people: a wildcard address is shown as the loopback one. @throws CommandError */
export async function listen(server: Server, { host, port, portFlag }: Place): Promise<string> {
  try {
    server.listen({ host, port });
    await once(server, 'listening');
  } catch (error) {
    throw cannotListen(error as NodeJS.ErrnoException, { host, port, portFlag });
  }
  return urlOf({ host, port: (server.address() as AddressInfo).port });
}

/** For people: a wildcard address is shown as the loopback one. */
export function urlOf({ host, port }: Pick<Place, 'host' | 'port'>): string {
  return `http://${shownHost(host)}:${port}`;
}

/**
 * So that a taken port shows before anything else is done. @throws CommandError
 * @param patienceMs how long it may still be taken
 * @returns the port, in place of 0 one that is free.
 */
export async function checkPort(place: Place, patienceMs = 0): Promise<number> {
  const server = createServer();
  const untilMs = performance.now() + patienceMs;
  for (;;) {
    try {
      await listen(server, place);
      break;
    } catch (error) {
      if (performance.now() >= untilMs) throw error;
      await wait(portRetryMs);
    }
  }
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function shownHost(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return isIPv6(host) ? `[${host}]` : host;
}

function cannotListen(error: NodeJS.ErrnoException, { host, port, portFlag }: Place): CommandError {
  const reasons: Record<string, string> = {
    EADDRINUSE: `port ${port} on ${host} is in use; choose another with ${portFlag}`,
    EACCES: `port ${port} on ${host} needs more rights; choose one above 1023 with ${portFlag}`,
    EADDRNOTAVAIL: `${host} is no address of this machine; choose another with --host`,
    ENOTFOUND: `the host name ${host} is not known; choose another with --host`,
  };
  const reason = reasons[error.code ?? ''] ?? `cannot listen on ${host}:${port}: ${error.message}`;
  return new CommandError(reason, { cause: error });
}

const portRetryMs = 50;
const idleCheckMs = 50;

/**
 * Stops accepting, lets requests under way end, closes what is idle, and cuts what is left at the deadline.
 * @returns whether everything ended by itself.
 */
export async function drain(server: Server, timeoutMs: number): Promise<boolean> {
  if (!server.listening) return true;
  // An answer under way must be the last of its connection, or the client sends another request on it.
  server.prependListener('request', (_, response: ServerResponse) => {
    response.shouldKeepAlive = false;
  });
  const closed = once(server, 'close').then(() => true);
  server.close();
  const idle = setInterval(() => server.closeIdleConnections(), idleCheckMs);
  server.closeIdleConnections();
  const deadline = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => deadline.resolve(false), timeoutMs);
  const inTime = await Promise.race([closed, deadline.promise]);
  clearInterval(idle);
  clearTimeout(timer);
  if (!inTime) {
    server.closeAllConnections();
    await closed;
  }
  return inTime;
}
