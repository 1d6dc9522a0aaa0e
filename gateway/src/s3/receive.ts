/**
 * From Node's raw request to an S3Request: target, host, headers, and, when asked, who signed it and its
 * body.
 */
import type { AddressRanges } from '@forebay/core/address-ranges';
import type { Exchange } from '../exchange.ts';
import { authenticate } from './auth/authenticate.ts';
import { ForwardedOrigin } from './auth/client-origin.ts';
import { clientHost } from './auth/forwarded-host.ts';
import type { AuthDeps } from './auth/types.ts';
import { S3Error } from './errors.ts';
import { isFormPost, receiveForm } from './form/receive-form.ts';
import { RawHeaders } from './headers.ts';
import type { OperationTarget } from './operation.ts';
import { createRequestBody } from './payload/request-body.ts';
import { parseTarget } from './raw-target.ts';
import type { Query, S3Request } from './types.ts';

export interface ReceiveDeps {
  readonly auth: AuthDeps;
  readonly domains: readonly string[];
  readonly trustedProxies: AddressRanges;
}

/** What is known of a request before anyone vouches for it. */
export interface ReceivedRequest {
  readonly method: string;
  readonly target: OperationTarget;
  readonly query: Query;
  readonly headers: RawHeaders;
  /** @throws S3Error for whatever is wrong with signature, clock, credentials or the framing of the body */
  authenticate(): S3Request | Promise<S3Request>;
}

/** @throws S3Error BadRequest, InvalidURI, InvalidBucketName, KeyTooLongError */
export function receive(exchange: Exchange, deps: ReceiveDeps): ReceivedRequest {
  const { incoming } = exchange;
  const headers = new RawHeaders(incoming.rawHeaders);
  const method = incoming.method ?? '';
  if (headers.get('host') === undefined && incoming.httpVersion === '1.1') {
    throw new S3Error('BadRequest', { message: 'The Host header is missing.' });
  }
  const peerAddress = incoming.socket.remoteAddress;
  const host = clientHost({ headers, peerAddress, trustedProxies: deps.trustedProxies });
  const client = new ForwardedOrigin(headers, peerAddress, deps.trustedProxies);
  const target = parseTarget(exchange.target, host, deps.domains);
  const { bucket, key, query } = target;
  exchange.bucket = bucket;
  exchange.key = key;
  return {
    method,
    target: key !== undefined ? 'object' : bucket !== undefined ? 'bucket' : 'service',
    query,
    headers,
    authenticate() {
      const form = {
        method,
        target,
        headers,
        host,
        client,
        exchange,
        askForBody: () => askForBody(exchange),
      };
      if (isFormPost(form)) return receiveForm(form, deps.auth);
      const authenticated = authenticate({ method, target, headers, host }, deps.auth);
      const { principal, payloadMode, effectiveHeaders } = authenticated;
      const body = createRequestBody({
        incoming,
        headers: effectiveHeaders,
        mode: payloadMode,
        method,
        onFirstRead: () => askForBody(exchange),
        // CompleteMultipartUpload's checksums are the whole object's, and the UFS's to check.
        checksumsDescribe: method === 'POST' && query.has('uploadId') ? 'object' : 'body',
      });
      return {
        id: exchange.id,
        method,
        bucket,
        key,
        query,
        headers: effectiveHeaders,
        host,
        virtualHost: target.virtualHost,
        principal,
        client,
        body,
        signal: exchange.signal,
      };
    },
  };
}

/**
 * 100 Continue goes out when somebody begins to read, so that a refusal costs the client no upload (S3-WIRE
 * 9).
 */
function askForBody(exchange: Exchange): void {
  exchange.bodyAsked = true;
  if (exchange.expectsContinue && !exchange.outgoing.headersSent) exchange.outgoing.writeContinue();
}
