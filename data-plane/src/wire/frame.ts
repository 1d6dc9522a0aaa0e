/**
 * Frames: what goes over a connection between a gateway and a cache node (docs/data-plane.md). A header of 16
 * bytes, then a payload: first its meta part, then bytes of objects. All numbers are little-endian.
 */

/** Both sides speak the same one, or none. */
export const protocolVersion = 4;
export const headerBytes = 16;

export const frameType = {
  hello: 1,
  challenge: 2,
  proof: 3,
  welcome: 4,
  refused: 5,
  ping: 8,
  pong: 9,
  open: 16,
  call: 17,
  cancel: 18,
  credit: 19,
  read: 20,
  answer: 32,
  result: 33,
  progress: 34,
  failure: 35,
  data: 36,
} as const;

/** Of `answer`: frames of `data` follow on the stream. */
export const flagMore = 1;
/** Of `data`: the stream ends with this frame. */
export const flagEnd = 2;

/** Bodies up to this go with their answer, in one frame. */
export const inlineBytesMax = 64 * 1024;
/** Of one `data` frame. */
export const dataBytesMax = 1024 * 1024;
/** Keys of a DeleteObjects, each character escaped. */
const jsonBytesMax = 8 * 1024 * 1024;
const metaBytesMax = 1024 * 1024;

/** Longest payload of each type; a frame that says more, or of another type, ends its connection. */
const payloadBytesMax = new Map<number, number>([
  [frameType.hello, 1024],
  [frameType.challenge, 1024],
  [frameType.proof, 1024],
  [frameType.welcome, 1024],
  [frameType.refused, 1024],
  [frameType.ping, 0],
  [frameType.pong, 0],
  [frameType.open, metaBytesMax],
  [frameType.call, jsonBytesMax],
  [frameType.cancel, 0],
  [frameType.credit, 4],
  [frameType.read, metaBytesMax],
  [frameType.answer, metaBytesMax + inlineBytesMax],
  [frameType.result, jsonBytesMax],
  [frameType.progress, metaBytesMax],
  [frameType.failure, metaBytesMax],
  [frameType.data, dataBytesMax],
]);

/** Highest type of the handshake: until it is over, nothing longer or later is taken. */
export const handshakeTypeMax = frameType.refused;

export interface FrameHeader {
  payloadBytes: number;
  metaBytes: number;
  stream: number;
  type: number;
  flags: number;
}

/** The other side does not speak this protocol: its connection ends. */
export class ProtocolError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'ProtocolError';
  }
}

/** Writes a header of 16 bytes. */
export function writeHeader(target: Buffer, at: number, header: Readonly<FrameHeader>): void {
  target.writeUInt32LE(header.payloadBytes, at);
  target.writeUInt32LE(header.metaBytes, at + 4);
  target.writeUInt32LE(header.stream, at + 8);
  target[at + 12] = header.type;
  target[at + 13] = header.flags;
  target[at + 14] = 0;
  target[at + 15] = 0;
}

/** Reads a header into an object that is used again. @throws ProtocolError */
export function readHeader(from: Uint8Array, at: number, into: FrameHeader): void {
  into.payloadBytes = readUint32(from, at);
  into.metaBytes = readUint32(from, at + 4);
  into.stream = readUint32(from, at + 8);
  into.type = from[at + 12]!;
  into.flags = from[at + 13]!;
  const longest = payloadBytesMax.get(into.type);
  if (longest === undefined) throw new ProtocolError(`there is no frame of type ${into.type}`);
  if (from[at + 14] !== 0 || from[at + 15] !== 0) throw new ProtocolError('reserved bytes are not zero');
  if (into.payloadBytes > longest) {
    throw new ProtocolError(`a frame of type ${into.type} has ${into.payloadBytes} bytes`);
  }
  if (into.metaBytes > into.payloadBytes) throw new ProtocolError('the meta part is longer than its frame');
}

function readUint32(from: Uint8Array, at: number): number {
  return (from[at]! | (from[at + 1]! << 8) | (from[at + 2]! << 16) | (from[at + 3]! << 24)) >>> 0;
}
