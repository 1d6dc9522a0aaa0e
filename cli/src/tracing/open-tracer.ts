/** Whether there are traces, and then all that they need: nothing of it is loaded before. */
import type { Log } from '@forebay/core/log';
import type { Tracer } from '@forebay/core/tracing';
import type { Undoing } from '../roles/undoing.ts';
import type { TracingValues } from './settings.ts';

export interface OpenTracerOptions {
  /** Read at each request. */
  readonly values: TracingValues;
  readonly role: string;
  readonly nodeId: string;
  readonly log: Log;
  readonly undoing: Undoing;
}

/** Undefined where nobody said where traces go. */
export async function openTracer(options: OpenTracerOptions): Promise<Tracer | undefined> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT: all, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: traces } = process.env;
  if (options.values.otlpEndpoint === undefined && !all && !traces) return undefined;
  const { startOtlpTracer } = await import('./otlp-tracer.ts');
  return startOtlpTracer(options);
}
