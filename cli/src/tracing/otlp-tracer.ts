/**
 * Traces by OpenTelemetry: spans are batched in memory, within a bound, and sent as OTLP JSON over HTTP.
 * What a collector does not take is lost, and nobody waits for it.
 */

import { setTimeout as wait } from 'node:timers/promises';
import type { Log } from '@forebay/core/log';
import {
  parseTraceparent,
  type Span,
  type SpanFacts,
  type SpanKind,
  type Tracer,
} from '@forebay/core/tracing';
import {
  type Attributes,
  type Context,
  DiagLogLevel,
  diag,
  type Span as OtelSpan,
  SpanKind as OtelSpanKind,
  type Tracer as OtelTracer,
  ROOT_CONTEXT,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AlwaysOnSampler, BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { version } from '../version.ts';
import type { OpenTracerOptions } from './open-tracer.ts';

const queuedSpansMax = 8192;
const sentEveryMs = 1000;
const warnEveryMs = 60_000;
/** Of one batch, sent again and again: a collector that is away keeps a process that stops no longer. */
const sendMs = 3000;
const kinds: Readonly<Record<SpanKind, OtelSpanKind>> = {
  server: OtelSpanKind.SERVER,
  client: OtelSpanKind.CLIENT,
  internal: OtelSpanKind.INTERNAL,
};

export function startOtlpTracer({ values, role, nodeId, log, undoing }: OpenTracerOptions): Tracer {
  diag.setLogger(new SeldomLogger(log), { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  const endpoint = values.otlpEndpoint?.replace(/\/+$/, '');
  const exporter = new OTLPTraceExporter({
    ...(endpoint !== undefined && { url: `${endpoint}/v1/traces` }),
    timeoutMillis: Number(process.env.OTEL_EXPORTER_OTLP_TIMEOUT) || sendMs,
  });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': process.env.OTEL_SERVICE_NAME ?? 'forebay',
      'service.version': version,
      'service.instance.id': nodeId,
      'forebay.role': role,
      'process.pid': process.pid,
    }),
    // Who is traced is decided below, before anything is made.
    sampler: new AlwaysOnSampler(),
    spanProcessors: [
      new BatchSpanProcessor({ exporter, maxQueueSize: queuedSpansMax, scheduledDelayMillis: sentEveryMs }),
    ],
  });
  undoing.add(() => Promise.race([provider.shutdown().catch(() => {}), wait(sendMs)]));
  const tracer = provider.getTracer('forebay', version);
  return {
    begin: (name, traceparent) => {
      const parent = traceparent === undefined ? undefined : parseTraceparent(traceparent);
      const isTraced = parent ? parent.isSampled : Math.random() < values.traceRatio;
      if (!isTraced) return undefined;
      const { traceId, spanId } = parent ?? {};
      const context =
        traceId === undefined || spanId === undefined
          ? ROOT_CONTEXT
          : trace.setSpanContext(ROOT_CONTEXT, {
              ...{ traceId, spanId, isRemote: true },
              traceFlags: TraceFlags.SAMPLED,
            });
      return new RecordedSpan(tracer, tracer.startSpan(name, { kind: OtelSpanKind.SERVER }, context));
    },
  };
}

class RecordedSpan implements Span {
  readonly #tracer: OtelTracer;
  readonly #span: OtelSpan;
  #context: Context | undefined;

  constructor(tracer: OtelTracer, span: OtelSpan) {
    this.#tracer = tracer;
    this.#span = span;
  }

  get traceId(): string {
    return this.#span.spanContext().traceId;
  }

  get traceparent(): string {
    const { traceId, spanId } = this.#span.spanContext();
    return `00-${traceId}-${spanId}-01`;
  }

  child(name: string, kind: SpanKind, facts: SpanFacts = {}): Span {
    this.#context ??= trace.setSpan(ROOT_CONTEXT, this.#span);
    const options = { kind: kinds[kind], attributes: facts as Attributes };
    return new RecordedSpan(this.#tracer, this.#tracer.startSpan(name, options, this.#context));
  }

  rename(name: string): void {
    this.#span.updateName(name);
  }

  add(facts: SpanFacts): void {
    this.#span.setAttributes(facts as Attributes);
  }

  event(name: string, facts: SpanFacts = {}): void {
    this.#span.addEvent(name, facts as Attributes);
  }

  end(error?: unknown): void {
    if (error !== undefined) {
      const message = error instanceof Error ? error.message : String(error);
      this.#span.setStatus({ code: SpanStatusCode.ERROR, message });
    }
    this.#span.end();
  }
}

/** A collector that is away is worth a line now and then. */
class SeldomLogger {
  readonly #log: Log;
  #nextMs = 0;

  constructor(log: Log) {
    this.#log = log;
  }

  error(reason: string): void {
    const nowMs = performance.now();
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + warnEveryMs;
    this.#log.warn({ reason: messageIn(reason) }, 'traces could not be sent');
  }

  warn(reason: string): void {
    this.error(reason);
  }

  info(): void {}

  debug(): void {}

  verbose(): void {}
}

/** OpenTelemetry hands over errors as JSON, their stack first. */
function messageIn(text: string): string {
  try {
    const { message } = JSON.parse(text) as { readonly message?: unknown };
    return typeof message === 'string' ? message : text;
  } catch {
    return text;
  }
}
