/**
 * Settings: each is declared once, and its flag, environment variable, YAML key, validation, error text and
 * row in docs/configuration.md come from that declaration. `FOREBAY_PAGE_SIZE` is flag `--page-size`, YAML
 * `pageSize`; units are in the value outside (`1MiB`, `60s`) and in the name inside (`pageSizeBytes`,
 * `ttlMs`). Precedence: flags, environment, file, default. A bad value stops the start, with where it
 * stands and what is allowed.
 */
import { parseDurationMs, parseSizeBytes } from './bytes.ts';

/** What the operator wrote cannot be used. The message is one line for a person and holds no secret. */
export class ConfigError extends Error {
  constructor(message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ConfigError';
  }
}

export type SettingKind = 'bytes' | 'duration' | 'integer' | 'decimal' | 'text' | 'choice' | 'list';

export interface Setting<T> {
  readonly kind: SettingKind;
  /** `FOREBAY_PAGE_SIZE` */
  readonly env: `FOREBAY_${string}`;
  /** `--page-size` */
  readonly flag: string;
  /** `pageSize`: the YAML key, and the name under which a command line parser hands over the flag. */
  readonly yamlKey: string;
  /** As people write it; undefined where the setting is optional. */
  readonly defaultText: string | undefined;
  /** `a size from 64KiB to 16MiB`, for error texts and the documentation. */
  readonly allowed: string;
  readonly help: string;
  /** Only the environment may set it: process lists and config files are read by others. */
  readonly secret: boolean;
  /** May change while a process runs (live-settings.ts). */
  readonly dynamic: boolean;
  /** Undefined where the text is not allowed. Lists get one text per entry. */
  parse(texts: readonly string[]): T | undefined;
}

export type Settings = Readonly<Record<string, Setting<unknown>>>;

/** `{ readonly pageSizeBytes: number }` of `{ pageSizeBytes: bytes(...) }`. */
export type Values<S extends Settings> = {
  readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never;
};

interface Declared {
  readonly env: `FOREBAY_${string}`;
  readonly help: string;
  readonly dynamic?: boolean;
}

interface Limited<L> extends Declared {
  readonly default: string;
  readonly min?: L;
  readonly max?: L;
}

/** A size; the value is in bytes. `default`, `min` and `max` as people write them: `1MiB`. */
export function bytes(declared: Limited<string>): Setting<number> {
  return limited(declared, {
    kind: 'bytes',
    noun: 'a size such as 64KiB, 1MiB or 20GiB',
    parse: parseSizeBytes,
  });
}

/** A duration; the value is in ms. */
export function duration(declared: Limited<string>): Setting<number> {
  return limited(declared, {
    kind: 'duration',
    noun: 'a duration such as 500ms, 60s or 5m',
    parse: parseDurationMs,
  });
}

export function integer(declared: Limited<string>): Setting<number> {
  return limited(declared, { kind: 'integer', noun: 'a whole number', parse: parseInteger });
}

/** A number from 0 on, with or without a fraction. */
export function decimal(declared: Limited<string>): Setting<number> {
  return limited(declared, { kind: 'decimal', noun: 'a number such as 0.4', parse: parseDecimal });
}

function limited(
  declared: Limited<string>,
  unit: { kind: SettingKind; noun: string; parse: (text: string) => number | undefined },
): Setting<number> {
  const bound = (text: string | undefined, open: number) =>
    text === undefined ? open : (unit.parse(text) ?? Number.NaN);
  const min = bound(declared.min, 0);
  const max = bound(declared.max, Number.MAX_SAFE_INTEGER);
  const from = declared.min === undefined ? '' : ` from ${declared.min}`;
  const to = declared.max === undefined ? '' : ` to ${declared.max}`;
  return {
    ...named(declared),
    kind: unit.kind,
    defaultText: declared.default,
    allowed:
      from === '' && to !== ''
        ? `${unit.noun} up to ${declared.max}`
        : `${unit.noun}${from && `,${from}`}${to}`,
    parse: (texts) => {
      const value = texts.length === 1 ? unit.parse(texts[0]!) : undefined;
      return value !== undefined && value >= min && value <= max ? value : undefined;
    },
  };
}

interface TextDeclared extends Declared {
  readonly secret?: boolean;
  /** What the whole text must match, and how to say so: `a host name or IP address`. */
  readonly pattern?: RegExp;
  readonly allowed?: string;
}

export function text(declared: TextDeclared & { readonly default: string }): Setting<string>;
export function text(declared: TextDeclared): Setting<string | undefined>;
export function text(declared: TextDeclared & { readonly default?: string }): Setting<string | undefined> {
  return {
    ...named(declared),
    kind: 'text',
    defaultText: declared.default,
    allowed: declared.allowed ?? 'a text that is not empty',
    secret: declared.secret ?? false,
    parse: ([value, ...more]) => (more.length === 0 && accepts(declared.pattern, value) ? value : undefined),
  };
}

export function choice<const C extends string>(
  declared: Declared & { readonly choices: readonly C[]; readonly default: NoInfer<C> },
): Setting<C> {
  return {
    ...named(declared),
    kind: 'choice',
    defaultText: declared.default,
    allowed: eitherOf(declared.choices),
    parse: ([value, ...more]) =>
      more.length === 0 ? declared.choices.find((candidate) => candidate === value) : undefined,
  };
}

/** Any number of texts: the flag is repeated, the variable is split at commas, YAML has a list. */
export function list(
  declared: Declared & { readonly allowed: string; readonly pattern?: RegExp },
): Setting<readonly string[]> {
  return {
    ...named(declared),
    kind: 'list',
    defaultText: undefined,
    allowed: declared.allowed,
    parse: (texts) => (texts.every((value) => accepts(declared.pattern, value)) ? texts : undefined),
  };
}

function eitherOf(words: readonly string[]): string {
  return words.length < 2 ? words.join() : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function accepts(pattern: RegExp | undefined, value: string | undefined): boolean {
  return value !== undefined && value !== '' && (pattern?.test(value) ?? true);
}

function parseInteger(value: string): number | undefined {
  const parsed = /^\d+$/.test(value.trim()) ? Number(value) : undefined;
  return Number.isSafeInteger(parsed) ? parsed : undefined;
}

function parseDecimal(value: string): number | undefined {
  return /^\d{1,12}(\.\d{1,12})?$/.test(value.trim()) ? Number(value) : undefined;
}

function named(declared: Declared) {
  const words = declared.env.slice('FOREBAY_'.length).toLowerCase().split('_');
  return {
    env: declared.env,
    help: declared.help,
    flag: `--${words.join('-')}`,
    yamlKey: words
      .map((word, index) => (index === 0 ? word : word[0]!.toUpperCase() + word.slice(1)))
      .join(''),
    secret: false,
    dynamic: declared.dynamic ?? false,
  };
}

/** What a config file says, by YAML key; `where` is `forebay.yaml line 3`. Made by `parseConfigFile`. */
export type FileValues = ReadonlyMap<string, { readonly texts: readonly string[]; readonly where: string }>;

export interface SettingSources {
  /** By YAML key, as a command line parser hands them over. */
  readonly flags?: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly file?: FileValues;
}

/**
 * The value of every setting of a table.
 * @throws ConfigError on the first value that is not allowed.
 */
export function resolveSettings<S extends Settings>(settings: S, sources: SettingSources): Values<S> {
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(settings)) {
    const given = givenTexts(setting, sources);
    if (!given) continue;
    const value = setting.parse(given.texts);
    if (value === undefined) {
      const shown = setting.secret ? 'the value' : `"${given.texts.join(',')}"`;
      throw new ConfigError(`${given.where}: ${shown} is not allowed; allowed is ${setting.allowed}`);
    }
    values[name] = value;
  }
  return values as Values<S>;
}

function givenTexts(setting: Setting<unknown>, { flags, env, file }: SettingSources) {
  const flag = setting.secret ? undefined : flags?.[setting.yamlKey];
  if (flag !== undefined) return { texts: typeof flag === 'string' ? [flag] : flag, where: setting.flag };
  const variable = env?.[setting.env];
  // An empty variable is how shells and compose files say "not set".
  if (variable !== undefined && variable !== '') {
    return { texts: setting.kind === 'list' ? splitList(variable) : [variable], where: setting.env };
  }
  const filed = file?.get(setting.yamlKey);
  if (filed) return { texts: filed.texts, where: `${filed.where}: ${setting.yamlKey}` };
  if (setting.kind === 'list') return { texts: [], where: 'default' };
  return setting.defaultText === undefined ? undefined : { texts: [setting.defaultText], where: 'default' };
}

function splitList(variable: string): string[] {
  return variable
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** `; did you mean "pageSize"?`, or nothing where no name is near. */
export function didYouMean(given: string, names: Iterable<string>): string {
  let best: { name: string; distance: number } | undefined;
  for (const name of names) {
    const distance = editDistance(given.toLowerCase(), name.toLowerCase());
    if (distance <= Math.max(1, Math.floor(name.length / 3)) && (!best || distance < best.distance)) {
      best = { name, distance };
    }
  }
  return best ? `; did you mean "${best.name}"?` : '';
}

function editDistance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const current = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = previous[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      current.push(Math.min(replaced, previous[j]! + 1, current[j - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}
