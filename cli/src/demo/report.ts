/** The demo's results: as one JSON value, and as a table for people. */
import { formatDuration, formatSize } from '@forebay/core/bytes';
import type { Style } from '../terminal.ts';
import { table } from '../terminal.ts';

export interface Pass {
  readonly durationMs: number;
  /** What crossed the distance, headers included. */
  readonly ufsRequests: number;
  readonly ufsBytes: number;
  /** Reads by the x-cache header of their answer. */
  readonly xCache: Readonly<Record<string, number>>;
}

export interface Step {
  readonly name: string;
  readonly title: string;
  readonly reads: number;
  /** Of object bodies, in one pass. */
  readonly bytes: number;
  readonly cold: Pass;
  readonly warm: Pass;
}

interface SimulatedDistance {
  readonly roundTripMs: number;
  readonly bytesPerSecond: number;
}

export interface TourResult {
  readonly distance: SimulatedDistance;
  readonly steps: readonly Step[];
  readonly total: Step;
  /** Every body, cold and warm, had the SHA-256 of the sample. A tour with a wrong byte has no result. */
  readonly verified: true;
}

export function sumOf(steps: readonly Step[]): Step {
  const add = (pick: (step: Step) => number) => steps.reduce((sum, step) => sum + pick(step), 0);
  const passes = (pick: (step: Step) => Pass): Pass => ({
    durationMs: add((step) => pick(step).durationMs),
    ufsRequests: add((step) => pick(step).ufsRequests),
    ufsBytes: add((step) => pick(step).ufsBytes),
    xCache: sumOfCounts(steps.map((step) => pick(step).xCache)),
  });
  return {
    name: 'total',
    title: 'all of it',
    reads: add((step) => step.reads),
    bytes: add((step) => step.bytes),
    cold: passes((step) => step.cold),
    warm: passes((step) => step.warm),
  };
}

function sumOfCounts(all: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sum: Record<string, number> = {};
  for (const [name, count] of all.flatMap((counts) => Object.entries(counts))) {
    sum[name] = (sum[name] ?? 0) + count;
  }
  return sum;
}

/** `simulated: 40 ms round trip, 320 Mbit/s, as from a far region` */
export function distanceText({ roundTripMs, bytesPerSecond }: SimulatedDistance): string {
  const megabits = Math.round((bytesPerSecond * 8) / 1e6);
  return `simulated: ${roundTripMs} ms round trip, ${megabits} Mbit/s, as from a far region`;
}

/** Bytes that the warm pass handed out without fetching them. */
export function savedBytes({ bytes, warm }: Step): number {
  return Math.max(0, bytes - warm.ufsBytes);
}

export function timesFaster({ cold, warm }: Step): number {
  return cold.durationMs / warm.durationMs;
}

export function resultJson(result: TourResult): unknown {
  const view = (step: Step) => ({ ...step, timesFaster: timesFaster(step), savedBytes: savedBytes(step) });
  return { ...result, steps: result.steps.map(view), total: view(result.total) };
}

export function resultLines(result: TourResult, style: Style): string[] {
  const head = ['', 'cold', 'warm', 'faster', 'UFS requests', 'not fetched again', 'x-cache'];
  const [heading, ...rows] = table([head, ...[...result.steps, result.total].map(rowOf)]);
  const bodies = result.total.reads * 2;
  return [
    style.strong(heading!),
    ...rows.slice(0, -1),
    style.strong(rows.at(-1)!),
    '',
    `All ${bodies} bodies, cold and warm, have the SHA-256 of the sample.`,
    `The distance was ${distanceText(result.distance)}.`,
    'With a bucket of yours: forebay serve --mount /lake=s3://BUCKET',
  ];
}

function rowOf(step: Step): string[] {
  return [
    step.title,
    formatDuration(step.cold.durationMs),
    formatDuration(step.warm.durationMs),
    `${timesFaster(step).toFixed(timesFaster(step) < 10 ? 1 : 0)}x`,
    `${step.cold.ufsRequests} → ${step.warm.ufsRequests}`,
    formatSize(savedBytes(step)),
    `${countsText(step.cold.xCache)} → ${countsText(step.warm.xCache)}`,
  ];
}

/** `MISS` where all are the same, otherwise `7 MISS + 2 HIT`. */
function countsText(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts);
  if (entries.length === 1) return entries[0]![0];
  return entries.map(([name, count]) => `${count} ${name}`).join(' + ');
}
