import { describe, expect, it } from 'vitest';
import { duration, integer, resolveSettings, text } from './config.ts';
import { checkDynamic, LiveSettings, settingNamed } from './live-settings.ts';

const settings = {
  linesMax: integer({ env: 'FOREBAY_LINES_MAX', default: '8', min: '1', dynamic: true, help: '' }),
  waitMs: duration({ env: 'FOREBAY_WAIT', default: '1s', dynamic: true, help: '' }),
  place: text({ env: 'FOREBAY_PLACE', default: 'here', help: '' }),
};
const base = resolveSettings(settings, { flags: { linesMax: '4' } });

describe('live settings', () => {
  it('change in place, and back to what the start said', () => {
    const live = new LiveSettings(settings, base);
    const { values } = live;
    live.apply({ linesMax: '6', wait: '5s' });
    expect(values).toEqual({ linesMax: 6, waitMs: 5000, place: 'here' });
    live.apply({ wait: '2s' });
    expect(values).toEqual({ linesMax: 4, waitMs: 2000, place: 'here' });
    live.apply(undefined);
    expect(values).toEqual(base);
  });

  it('give a process its share of what is for all', () => {
    const half = (values: typeof base) => ({ ...values, linesMax: values.linesMax / 2 });
    const live = new LiveSettings(settings, { ...base, linesMax: 2 }, half);
    live.apply({ linesMax: '10' });
    expect(live.values.linesMax).toBe(5);
    live.apply({});
    expect(live.values.linesMax).toBe(2);
  });

  it('leave alone what needs a restart, is unknown or no longer allowed', () => {
    const live = new LiveSettings(settings, base);
    live.apply({ place: 'there', linesMax: '0', other: '1' });
    expect(live.values).toEqual(base);
  });
});

describe('checkDynamic', () => {
  it('says what is wrong', () => {
    expect(() => settingNamed(settings, 'linesMx')).toThrow('did you mean "linesMax"?');
    expect(() => checkDynamic(settingNamed(settings, '--place'), 'x')).toThrow('takes a restart');
    expect(() => checkDynamic(settings.linesMax, '0')).toThrow('"0" is not allowed');
    checkDynamic(settingNamed(settings, 'FOREBAY_LINES_MAX'), '7');
  });
});
