/**
 * The shortest way to a node on the same machine: a socket without a file, which ends with the node and is
 * seen only from its own network namespace. Both sides prove the secret on it as they do everywhere.
 */
import { networkInterfaces } from 'node:os';

/** Where a node listens beside its port. Undefined where the system has no such sockets. */
export function localAddressOf(port: number): { readonly path: string } | undefined {
  return process.platform === 'linux' ? { path: `\0forebay-data-plane-${port}` } : undefined;
}

/** Whether a host, as a node says it, is an address of this machine. */
export function isOfThisHost(host: string): boolean {
  if (host === 'localhost') return true;
  return Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === host));
}
