/** What streams and their connection, on the gateway's side, know of each other. */
import type { KnownInfos } from '../wire/open-answer.ts';
import type { ReadBuffers } from '../wire/read-buffers.ts';
import type { RelayPipes } from './relay-pipes.ts';

/** The connection broke. Whether the other side did anything is not known. */
export class ConnectionLost extends Error {
  constructor(reason: string) {
    super(`the connection to the cache node is lost: ${reason}`);
    this.name = 'ConnectionLost';
  }
}

/** Every method throws ProtocolError where the frame may not come now. */
export interface ClientStream {
  /** `flags`, `meta` and `body` are of one frame, and valid during the call. */
  onFrame(type: number, flags: number, meta: Buffer, body: Buffer): void;
  readonly wantsData: boolean;
  /** As in FrameSink. */
  readonly relays: boolean;
  draw(socket: number, lengthBytes: number): number;
  onData(bytes: Buffer, buffer: Buffer): void;
  onDataEnd(): void;
  onLost(error: ConnectionLost): void;
}

/** What a stream needs of its connection. */
export interface StreamHost {
  readonly nodeId: string;
  readonly buffers: ReadBuffers;
  readonly pipes: RelayPipes | undefined;
  readonly infos: KnownInfos;
  readonly windowBytes: number;
  /** Nothing more comes on it. */
  over(stream: number): void;
  cancel(stream: number): void;
  grant(stream: number, lengthBytes: number): void;
  drawMore(stream: number): void;
  /** Calls it when all that came at once has been taken apart. */
  afterRead(tell: () => void): void;
}
