/** Settings of traces, of every process that answers requests. */
import { decimal, text, type Values } from '@forebay/core/config';

export const tracingSettings = {
  otlpEndpoint: text({
    env: 'FOREBAY_OTLP_ENDPOINT',
    pattern: /^https?:\/\/\S+$/,
    allowed: 'http://host:4318 or https://...',
    help:
      'Where traces go: an OpenTelemetry collector, by OTLP over HTTP. Unset: where the OTEL_EXPORTER_OTLP_ENDPOINT ' +
      'of the environment says, else there are none.',
  }),
  traceRatio: decimal({
    env: 'FOREBAY_TRACE_RATIO',
    dynamic: true,
    default: '0.01',
    max: '1',
    help:
      'Share of requests that are traced, where traces go anywhere: 0.01 is one in a hundred. A request that ' +
      'comes with a W3C traceparent is traced or not as that says.',
  }),
};

export type TracingValues = Values<typeof tracingSettings>;
