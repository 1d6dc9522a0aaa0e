import { expect, it } from 'vitest';
import { type MissRound, missLines, missRow } from './miss-figures.ts';

function round(directUs: number, coldUs: number, firstByteLaterUs: number): MissRound {
  const direct = { timeUs: directUs, firstByteUs: 1000 };
  const cold = { timeUs: coldUs, firstByteUs: 1000 + firstByteLaterUs };
  const costs = { coldCpuUsPerMiB: coldUs / 256, ufsCpuUsPerMiB: 100, proxyBusy: undefined };
  return { large: { direct, cold }, small: { direct, cold }, ...costs };
}

it('compares reads that were made side by side, so that a slow round moves nothing', () => {
  const row = missRow('here', [round(1e6, 2e6, 500), round(9e6, 18e6, 700), round(1e6, 3e6, 90_000)]);
  expect(row).toMatchObject({ timeToDirect: 2, directMs: 1000, coldMs: 3000, firstByteLaterMs: 0.7 });
});

it('prints what is not known as such', () => {
  const [, line] = missLines([missRow('here', [round(1e6, 2e6, -500)])]);
  expect(line).toMatch(/^here .* 2\.00x .* -0\.5 ms .* -$/);
});
