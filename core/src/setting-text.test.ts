import { expect, it } from 'vitest';
import { settingText } from './setting-text.ts';

it.each([
  ['bytes', 20 * 2 ** 30, '20GiB'],
  ['bytes', 1536, '1536'],
  ['bytes', 0, '0'],
  ['duration', 60_000, '1m'],
  ['duration', 90_000, '90s'],
  ['duration', 1, '1ms'],
  ['decimal', 0.0004, '0.0004'],
  ['choice', 'on', 'on'],
  ['list', ['a', 'b'], 'a,b'],
  ['text', undefined, undefined],
] as const)('%s %j is written %j', (kind, value, text) => {
  expect(settingText({ kind }, value)).toBe(text);
});
