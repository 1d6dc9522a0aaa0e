/**
 * When a scheduled job is run: the five fields of cron (minute, hour, day of month, month, day of week), in
 * UTC. Each is `*`, a number, a range `1-5`, a list `1,15` or a step `*\/10`; a day counts if the day of the
 * month or that of the week is one of those told, where both are told.
 */
import { ConfigError } from '@forebay/core/config';

const fields = [
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day of month', min: 1, max: 31 },
  { name: 'month', min: 1, max: 12 },
  { name: 'day of week', min: 0, max: 7 },
] as const;
const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
/** Of a schedule that names a day that there is, the next one is never farther away: 29 February. */
const daysMax = 9 * 366;

export interface Cron {
  /** The first time after this one; ms since the epoch. Undefined: never. */
  nextAfter(ms: number): number | undefined;
}

/** @throws ConfigError */
export function parseCron(text: string): Cron {
  const parts = text.trim().split(/\s+/);
  if (parts.length !== fields.length) {
    throw new ConfigError(`a schedule has five fields, such as "0 3 * * *" (every day at 03:00 UTC)`);
  }
  const sets = parts.map((part, index) => valuesOf(part, fields[index]!));
  const [minutes, hours, monthDays, months, weekDays] = sets as [Field, Field, Field, Field, Field];
  const isDay = (date: Date) => {
    if (!months.values.has(date.getUTCMonth() + 1)) return false;
    const inMonth = monthDays.values.has(date.getUTCDate());
    const inWeek = weekDays.values.has(date.getUTCDay());
    return monthDays.isAny || weekDays.isAny ? inMonth && inWeek : inMonth || inWeek;
  };
  const nextAfter = (ms: number) => {
    const start = Math.floor(ms / minuteMs) * minuteMs + minuteMs;
    for (let day = Math.floor(start / dayMs), left = daysMax; left > 0; day += 1, left -= 1) {
      if (!isDay(new Date(day * dayMs))) continue;
      for (let at = Math.max(start, day * dayMs); at < (day + 1) * dayMs; at += minuteMs) {
        const date = new Date(at);
        if (hours.values.has(date.getUTCHours()) && minutes.values.has(date.getUTCMinutes())) return at;
      }
    }
    return undefined;
  };
  if (nextAfter(0) === undefined) throw new ConfigError(`the schedule "${text}" names no day that there is`);
  return { nextAfter };
}

interface Field {
  readonly isAny: boolean;
  readonly values: ReadonlySet<number>;
}

function valuesOf(text: string, { name, min, max }: (typeof fields)[number]): Field {
  const values = new Set<number>();
  for (const part of text.split(',')) {
    const [, range = '', stepText] = /^([\d*-]+)(?:\/(\d+))?$/.exec(part) ?? [];
    const [, fromText, toText] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
    const step = Number(stepText ?? 1);
    const from = range === '*' ? min : Number(fromText ?? Number.NaN);
    const to = range === '*' ? max : Number(toText ?? (stepText === undefined ? fromText : max));
    if (!(from >= min && from <= to && to <= max && step >= 1)) {
      throw new ConfigError(`the ${name} of a schedule is from ${min} to ${max}, not "${text}"`);
    }
    for (let value = from; value <= to; value += step) values.add(name === 'day of week' ? value % 7 : value);
  }
  return { isAny: text === '*', values };
}
