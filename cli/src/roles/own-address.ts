/** By which address others reach this process. */
import { connect, isIPv6 } from 'node:net';
import { hostname } from 'node:os';

const withinMs = 2_000;

/**
 * The host it listens on; of a wildcard, the address that the way to a registry begins with, or the host's
 * name where no registry is reached.
 * @param registries URLs
 */
export async function reachableHost(host: string, registries: readonly string[]): Promise<string> {
  if (host !== '0.0.0.0' && host !== '::') return inUrl(host);
  for (const registry of registries) {
    const own = await localAddressTowards(new URL(registry));
    if (own !== undefined) return inUrl(own);
  }
  return hostname();
}

function localAddressTowards({ hostname: host, port, protocol }: URL): Promise<string | undefined> {
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const socket = connect({
    host: host.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port) || (protocol === 'https:' ? 443 : 80),
    timeout: withinMs,
  });
  socket.on('connect', () => resolve(socket.localAddress));
  for (const event of ['error', 'timeout']) socket.on(event, () => resolve(undefined));
  return promise.finally(() => socket.destroy());
}

function inUrl(host: string): string {
  const plain = host.replace(/^::ffff:(?=\d+\.)/, '');
  return isIPv6(plain) ? `[${plain}]` : plain;
}
