/** The slowest requests of the last hour: the slowest few of each five minutes. */
import type { SlowRequest } from '@forebay/core/traffic';

const perPeriodMax = 20;
const periodMs = 300_000;
const periodsMax = 12;

export class SlowestRequests {
  #periods: SlowRequest[][] = [[]];
  #endsAtMs = 0;
  /** Only a request that took longer is worth a look. */
  #thresholdMs = -1;

  /** Whether a request that took so long belongs here. */
  takes(durationMs: number, nowMs: number): boolean {
    if (nowMs >= this.#endsAtMs) this.#turn(nowMs);
    return durationMs > this.#thresholdMs;
  }

  add(request: SlowRequest): void {
    const current = this.#periods.at(-1)!;
    current.push(request);
    current.sort((a, b) => b.durationMs - a.durationMs);
    if (current.length > perPeriodMax) current.pop();
    if (current.length === perPeriodMax) this.#thresholdMs = current.at(-1)!.durationMs;
  }

  list(): readonly SlowRequest[] {
    return this.#periods.flat();
  }

  #turn(nowMs: number): void {
    const periods = this.#endsAtMs === 0 ? 1 : Math.ceil((nowMs - this.#endsAtMs + 1) / periodMs);
    for (let period = 0; period < Math.min(periods, periodsMax); period += 1) this.#periods.push([]);
    this.#periods = this.#periods.slice(-periodsMax);
    this.#endsAtMs = nowMs + periodMs;
    this.#thresholdMs = -1;
  }
}
