/** The gateway's side of the handshake. */
import { frameType, ProtocolError, protocolVersion } from '../wire/frame.ts';
import { helloOf, isProof, makeNonce, nonceBytes, proofOf } from '../wire/handshake.ts';
import { fromJson } from '../wire/meta.ts';
import type { Outbox } from '../wire/outbox.ts';

export interface VisitorOptions {
  readonly secret: string;
  readonly clientId: Buffer;
}

const proofBytes = 32;

export class Visitor {
  readonly #options: VisitorOptions;
  readonly #outbox: Outbox;
  readonly #nonce = makeNonce();
  #nodeNonce: Buffer | undefined;

  constructor(options: VisitorOptions, outbox: Outbox) {
    this.#options = options;
    this.#outbox = outbox;
  }

  greet(): void {
    const { clientId } = this.#options;
    const hello = helloOf({ version: protocolVersion, clientId, nonce: this.#nonce });
    this.#outbox.frame(frameType.hello, 0, hello);
  }

  /** A frame of the handshake. The node's id where it is over and good. @throws ProtocolError */
  take(type: number, meta: Buffer): string | undefined {
    const { secret } = this.#options;
    if (type === frameType.challenge && !this.#nodeNonce && meta.length === nonceBytes) {
      this.#nodeNonce = Buffer.from(meta);
      const nonces = { client: this.#nonce, node: this.#nodeNonce };
      this.#outbox.frame(frameType.proof, 0, proofOf(secret, 'client', nonces));
      return undefined;
    }
    if (type !== frameType.welcome || !this.#nodeNonce) throw new ProtocolError('a handshake out of order');
    const nonces = { client: this.#nonce, node: this.#nodeNonce };
    if (!isProof(meta.subarray(0, proofBytes), secret, 'node', nonces)) {
      throw new ProtocolError('the node does not hold the secret');
    }
    const { nodeId } = fromJson(meta.subarray(proofBytes));
    if (typeof nodeId !== 'string') throw new ProtocolError('a node without a name');
    return nodeId;
  }
}
