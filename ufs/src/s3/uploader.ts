/**
 * Requests whose body streams, through node:http, which can wait for `100 Continue`. A store that
 * refuses closes the connection on a body that it does not want, and a client that is still sending then
 * loses the refusal to the reset. Hence large bodies ask first; and as some stores say `100 Continue`
 * before they look, an upload waits a moment after its first bytes as long as the last one was not taken
 * (decision 0002).
 */
import { type ClientRequest, Agent as HttpAgent, request as httpRequest } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { spanNow } from '@forebay/core/tracing';
import type { UfsUpload } from '../ufs.ts';
import type { S3Address } from './address.ts';
import type { Gate } from './gate.ts';
import type { S3Limits } from './limits.ts';
import { type WireBody, wireBodyOf } from './request-body.ts';
import type { Query, SignedTarget, Signer } from './signer.ts';
import { Upload, type UploadAnswer } from './upload.ts';

/**
 * Smaller bodies are at the store before it could refuse them; for larger ones the wait costs less than
 * they do.
 */
const askFirstBytes = 64 * 1024;
/** Shorter than servers keep an idle connection, as a write on one that is just closed cannot be repeated. */
const idleMs = 4_000;
/** So much of a body may wait for the store to take it: fewer waits than with Node's 64 KiB. */
const waitingBytesMax = 256 * 1024;

export interface UploadRequest {
  readonly address: S3Address;
  readonly key: string;
  readonly query: Query;
  readonly upload: UfsUpload;
}

export interface UploaderOptions {
  readonly origin: string;
  readonly signer: Signer;
  readonly gate: Gate;
  readonly limits: S3Limits;
}

export class Uploader {
  readonly #origin: URL;
  readonly #signer: Signer;
  readonly #gate: Gate;
  readonly #limits: S3Limits;
  readonly #agent: HttpAgent;
  #storeContinues = true;
  #lastTaken = false;

  constructor({ origin, signer, gate, limits }: UploaderOptions) {
    this.#origin = new URL(origin);
    this.#signer = signer;
    this.#gate = gate;
    this.#limits = limits;
    const agent = {
      keepAlive: true,
      timeout: idleMs,
      maxSockets: limits.connectionsMax,
      highWaterMark: waitingBytesMax,
    };
    this.#agent = this.#origin.protocol === 'https:' ? new HttpsAgent(agent) : new HttpAgent(agent);
  }

  /**
   * Sends once and reads the answer to its end.
   * @throws NoAnswerError, ForebayError overloaded, or the signal's reason before anything was sent. Where
   * the body's source failed, `body.source.failure` tells why.
   */
  async send({
    address,
    key,
    query,
    upload,
  }: UploadRequest): Promise<{ body: WireBody; answer: Promise<UploadAnswer> }> {
    const keys = await this.#signer.keys();
    const body = wireBodyOf(upload, keys !== undefined);
    const large = upload.sizeBytes > askFirstBytes;
    const asks = large && this.#storeContinues;
    const { headers, payloadHash } = body;
    const target = this.#signer.sign(
      { method: 'PUT', address, key, query, headers: upload.headers },
      { keys, payloadHash, framing: asks ? [...headers, ['expect', '100-continue']] : headers },
    );
    await this.#gate.enter(upload.signal);
    const { release, signal } = upload;
    return { body, answer: this.#run({ target, body, large, asks, release, signal }) };
  }

  async close(): Promise<void> {
    this.#agent.destroy();
  }

  async #run(options: {
    target: SignedTarget;
    body: WireBody;
    large: boolean;
    asks: boolean;
    release: UfsUpload['release'];
    signal: AbortSignal | undefined;
  }): Promise<UploadAnswer> {
    const { target, body, large, asks, release, signal } = options;
    try {
      const upload = new Upload({
        request: this.#open(target),
        body,
        pieces: body.pieces(target.signChunk),
        release,
        continueMs: asks ? this.#limits.continueWaitMs : undefined,
        refusalMs: large && !this.#lastTaken ? this.#limits.refusalWaitMs : undefined,
        limits: this.#limits,
        signal,
      });
      const answer = await upload.run().catch((error: unknown) => {
        this.#lastTaken = false;
        throw error;
      });
      this.#lastTaken = answer.status < 300;
      if (upload.continueMissed && answer.status < 300) this.#storeContinues = false;
      return answer;
    } finally {
      this.#gate.leave();
    }
  }

  #open({ path, headers }: SignedTarget): ClientRequest {
    const { protocol, hostname, port } = this.#origin;
    const traceparent = spanNow()?.traceparent;
    return (protocol === 'https:' ? httpsRequest : httpRequest)({
      agent: this.#agent,
      host: hostname.replace(/^\[|\]$/g, ''),
      ...(port !== '' && { port }),
      method: 'PUT',
      path,
      headers: { ...Object.fromEntries(headers), ...(traceparent !== undefined && { traceparent }) },
      setHost: false,
      maxHeaderSize: 64 * 1024,
    });
  }
}
