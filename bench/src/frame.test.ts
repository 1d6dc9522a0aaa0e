import { describe, expect, it } from 'vitest';
import { flagsOf, numberFlag } from './frame.ts';

const options = { rounds: { type: 'string' } } as const;

describe('the flags of a benchmark', () => {
  it('are its own and those that all have', () => {
    expect(flagsOf({ options }, ['--rounds', '5', '--quick'])).toEqual({ rounds: '5', quick: true });
    expect(flagsOf({}, ['--json'])).toEqual({ json: true });
  });

  it('are refused with their name where there is no such flag', () => {
    expect(flagsOf({ options }, ['--round', '5'])).toContain('--round');
    expect(flagsOf({}, ['--rounds', '5'])).toContain('--rounds');
  });

  it('that are numbers are positive ones', () => {
    expect(numberFlag({ rounds: '2.5' }, 'rounds', 3)).toBe(2.5);
    expect(numberFlag({}, 'rounds', 3)).toBe(3);
    for (const rounds of ['0', '-1', 'many', '']) {
      expect(() => numberFlag({ rounds }, 'rounds', 3)).toThrow(/--rounds/);
    }
  });
});
