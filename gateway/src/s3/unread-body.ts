/**
 * Request bodies that were not read when the answer was made (S3-WIRE 12). Unread bytes must never be parsed
 * as the next request, and a connection closed too early resets the client before it has read the answer.
 */
import type { IncomingMessage } from 'node:http';
import type { Exchange } from '../exchange.ts';

/** Reading a short rest costs less than a new connection. */
const shortBodyBytesMax = 64 * 1024;
const dropBytesMax = 16 * 1024 * 1024;
const dropMs = 2000;

/**
 * `none`: the body was read, or there is none. `short`: the rest is dropped and the connection lives on.
 * `long`: the connection ends with the answer. So it does where the client still waits for 100 Continue: it
 * may send the body after the final answer or not, and its next bytes could be either.
 */
export function unreadBodyOf({ incoming, expectsContinue, bodyAsked }: Exchange): 'none' | 'short' | 'long' {
  const { headers } = incoming;
  const lengthText = headers['content-length'];
  const isChunked = headers['transfer-encoding'] !== undefined;
  if (incoming.readableEnded || !(isChunked || Number(lengthText) > 0)) return 'none';
  if (expectsContinue && !bodyAsked) return 'long';
  if (incoming.complete) return 'short';
  return !isChunked && Number(lengthText) <= shortBodyBytesMax ? 'short' : 'long';
}

/** Drops what still comes, for a while and within limits, so that the client gets to read its answer. */
export function dropUnreadBody(incoming: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let droppedBytes = 0;
    const done = () => {
      clearTimeout(timer);
      incoming.off('data', drop).off('end', done).off('close', done).off('error', done);
      resolve();
    };
    const drop = (bytes: Uint8Array) => {
      droppedBytes += bytes.length;
      if (droppedBytes > dropBytesMax) done();
    };
    const timer = setTimeout(done, dropMs);
    incoming.on('end', done).on('close', done).on('error', done);
    if (incoming.readableEnded || incoming.destroyed) return done();
    incoming.on('data', drop);
    incoming.resume();
  });
}
