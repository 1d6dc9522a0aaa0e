/** The span of a request (core/src/tracing.ts), in OpenTelemetry's own words where it has some. */
import type { Span, Tracer } from '@forebay/core/tracing';
import type { Exchange } from './exchange.ts';

export function beginSpan(tracer: Tracer, exchange: Exchange): Span | undefined {
  return tracer.begin('S3', exchange.headers.get('traceparent'));
}

/** The request is over. */
export function endSpan(span: Span, exchange: Exchange, status: number): void {
  const { id, operation, bucket, key, cache, errorCode, head, headers, sent, principal } = exchange;
  span.rename(operation);
  span.add({
    'http.request.method': head.method,
    'http.response.status_code': status,
    'http.response.body.size': sent?.bodyBytes ?? 0,
    'client.address': head.socket.remoteAddress,
    'user_agent.original': headers.get('user-agent'),
    'aws.request_id': id,
    'aws.s3.bucket': bucket,
    'aws.s3.key': key,
    'http.request.header.range': headers.get('range'),
    'forebay.cache': cache,
    'forebay.user': principal?.kind === 'user' ? principal.name : undefined,
    'error.type': errorCode ?? (sent && sent.end !== 'whole' ? sent.end : undefined),
  });
  // Of a server's span, what the client did wrong is no error (OpenTelemetry, HTTP spans, "Status").
  span.end(status >= 500 || sent?.end === 'cut' ? (errorCode ?? status) : undefined);
}
