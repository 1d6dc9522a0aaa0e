/** The node's side of the handshake: hello, challenge, proof, welcome. */
import { frameType, ProtocolError, protocolVersion } from '../wire/frame.ts';
import { type Hello, isProof, makeNonce, nonceBytes, proofOf, readHello } from '../wire/handshake.ts';
import { toJson } from '../wire/meta.ts';
import type { Outbox } from '../wire/outbox.ts';

export interface DoormanOptions {
  readonly secret: string;
  readonly node: { readonly nodeId: string };
}

export class Doorman {
  readonly #options: DoormanOptions;
  readonly #outbox: Outbox;
  readonly #nonce = makeNonce();
  #hello: Hello | undefined;
  #isOver = false;

  constructor(options: DoormanOptions, outbox: Outbox) {
    this.#options = options;
    this.#outbox = outbox;
  }

  /**
   * A frame of the handshake. The client's id where it is over and good.
   * @throws ProtocolError where this client may not come in
   */
  take(type: number, meta: Buffer): string | undefined {
    const hello = this.#hello;
    if (type === frameType.hello && !hello) {
      this.#hello = this.#greet(readHello(meta));
      return undefined;
    }
    if (type !== frameType.proof || !hello) throw new ProtocolError('a handshake out of order');
    const { secret, node } = this.#options;
    const nonces = { client: hello.nonce, node: this.#nonce };
    if (!isProof(meta, secret, 'client', nonces)) throw new ProtocolError('the secrets are not the same');
    this.#isOver = true;
    const proof = proofOf(secret, 'node', nonces);
    this.#outbox.frame(frameType.welcome, 0, Buffer.concat([proof, toJson({ nodeId: node.nodeId })]));
    return hello.clientId.toString('hex');
  }

  /** Tells a client why it stays outside; later ones are told by their connection's end alone. */
  refuse(error: unknown): void {
    if (this.#isOver) return;
    this.#outbox.frame(frameType.refused, 0, toJson({ reason: String(error).slice(0, 500) }));
  }

  #greet(hello: Hello): Hello {
    if (hello.version !== protocolVersion) {
      throw new ProtocolError(`this node speaks version ${protocolVersion}, the client ${hello.version}`);
    }
    if (hello.nonce.length !== nonceBytes) throw new ProtocolError('a hello that is too short');
    this.#outbox.frame(frameType.challenge, 0, this.#nonce);
    return hello;
  }
}
