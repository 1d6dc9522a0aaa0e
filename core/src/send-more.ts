/** Bytes to a socket, said to be only the beginning: they wait a moment for what follows, to go with it. */
import type { Koffi } from './koffi.ts';

/** MSG_DONTWAIT, MSG_NOSIGNAL and MSG_MORE. */
const flags = 0x40 | 0x4000 | 0x8000;

/** send(2). A failure is the error number, negated. */
export function sendMoreBy(koffi: Koffi): (socket: number, bytes: Uint8Array) => number {
  const send = koffi.load(null).func('int64_t send(int socket, void *bytes, size_t count, int flags)');
  return (socket, bytes) => {
    const sent = Number(send(socket, bytes, bytes.byteLength, flags));
    return sent < 0 ? -koffi.errno() : sent;
  };
}
