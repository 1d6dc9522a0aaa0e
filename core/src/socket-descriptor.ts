/** The system's number of a connection, for system calls past Node (syscalls.ts). */
import type { Socket } from 'node:net';

/** Undefined: encrypted, closed, or of a system without descriptors. Private to Node, hence the care. */
export function descriptorOf(socket: Socket): number | undefined {
  const { _handle: handle, encrypted } = socket as Socket & {
    readonly _handle?: { readonly fd?: number } | null;
    readonly encrypted?: boolean;
  };
  if (encrypted || socket.destroyed || handle?.fd === undefined) return undefined;
  return handle.fd >= 0 ? handle.fd : undefined;
}
