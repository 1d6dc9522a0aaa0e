/** What a test asks of traces: requests with a `traceparent`, and the whole of what became of them. */
import { randomBytes } from 'node:crypto';
import type { CollectedSpan, OtlpCollector } from './otlp-collector.ts';
import { until } from './until.ts';

/** A request that is to be traced, or not. */
export interface Asked {
  readonly traceId: string;
  readonly spanId: string;
  readonly headers: Readonly<Record<string, string>>;
}

export function traced(flags: '00' | '01' = '01'): Asked {
  const [traceId, spanId] = [randomBytes(16).toString('hex'), randomBytes(8).toString('hex')];
  return { traceId, spanId, headers: { traceparent: `00-${traceId}-${spanId}-${flags}` } };
}

/** The whole trace: its spans arrive as their processes send them, each second. */
export async function traceOf(
  collector: OtlpCollector,
  { traceId, spanId }: Asked,
  { names, processes = 1 }: { readonly names: readonly string[]; readonly processes?: number },
) {
  const all = await until(`spans ${names.join(', ')} of ${processes} processes`, () => {
    const spans = collector.spans.filter((span) => span.traceId === traceId);
    const known = new Set([spanId, ...spans.map((span) => span.spanId)]);
    const isWhole =
      names.every((name) => spans.some((span) => span.name === name)) &&
      spans.every(({ parentSpanId }) => known.has(parentSpanId ?? '')) &&
      new Set(spans.map(({ pid }) => pid)).size >= processes;
    return isWhole && spans;
  });
  const byId = new Map(all.map((span) => [span.spanId, span]));
  const one = (name: string) => all.find((span) => span.name === name)!;
  /** From a span up to the first one that the collector does not have. */
  const way = (span: CollectedSpan): string[] => {
    const above = byId.get(span.parentSpanId ?? '');
    return [span.name, ...(above ? way(above) : [])];
  };
  return { all, one, way };
}
