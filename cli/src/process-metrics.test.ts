import { closeSync, openSync } from 'node:fs';
import { Metrics } from '@forebay/core/metrics';
import { expect, it } from 'vitest';
import { declareProcessMetrics } from './process-metrics.ts';

const delays = () => ({ p99Seconds: 0, maxSeconds: 0 });

async function sampleOf(metrics: Metrics, name: string): Promise<number> {
  const [sample] = await metrics.samples(name);
  return sample!.value;
}

it('tells what the system says of the process, each time it is asked', async () => {
  const metrics = new Metrics();
  declareProcessMetrics(metrics, { role: 'serve', delays });
  const open = () => sampleOf(metrics, 'forebay_process_open_files');
  const before = await open();
  const files = Array.from({ length: 20 }, () => openSync(import.meta.filename, 'r'));
  expect((await open()) - before).toBeGreaterThanOrEqual(10);
  for (const file of files) closeSync(file);
  expect(await sampleOf(metrics, 'forebay_process_open_files_max')).toBeGreaterThan(before);

  const memory = await metrics.samples('forebay_process_memory_bytes');
  expect(memory.map(({ labels }) => labels.kind)).toEqual(['resident', 'heap', 'external']);
  expect(await sampleOf(metrics, 'forebay_process_memory_bytes_max')).toBeGreaterThan(memory[0]!.value);

  const cpu = () => sampleOf(metrics, 'forebay_process_cpu_seconds_total');
  const [first, own] = [await cpu(), process.cpuUsage()];
  while (process.cpuUsage(own).user < 50_000) JSON.stringify(memory);
  const spent = (await cpu()) - first;
  expect(spent).toBeGreaterThanOrEqual(0.05);
  expect(spent).toBeLessThan(process.cpuUsage(own).user / 1e6 + process.cpuUsage(own).system / 1e6 + 0.05);

  const started = await sampleOf(metrics, 'forebay_process_start_time_seconds');
  expect(Math.abs(started - (Date.now() / 1000 - process.uptime()))).toBeLessThan(5);
});
