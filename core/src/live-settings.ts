/**
 * Settings that may change while a process runs. What an operator set at run time wins over flags,
 * environment and file, and is taken back the same way; it travels with the registry's view, as text.
 */
import { ConfigError, didYouMean, type Setting, type Settings } from './config.ts';

/** By YAML key, as people write them. */
export type SettingTexts = Readonly<Record<string, string>>;

/** The values of one process. Who holds `values` sees each change: its fields are set in place. */
export class LiveSettings<V extends object> {
  readonly values: V;
  readonly #base: V;
  readonly #settings: Settings;
  readonly #shareOf: (values: V) => V;

  /**
   * @param base as flags, environment and file have it
   * @param shareOf of values for all processes together, what this one gets
   */
  constructor(settings: Settings, base: V, shareOf: (values: V) => V = (values) => values) {
    this.#settings = settings;
    this.#base = base;
    this.#shareOf = shareOf;
    this.values = { ...base };
  }

  /** What cannot be used here, of a registry of another version, is left as it was at the start. */
  apply(texts: SettingTexts = {}): void {
    const set: Record<string, unknown> = {};
    for (const [name, setting] of Object.entries(this.#settings)) {
      const text = texts[setting.yamlKey];
      const value = text !== undefined && setting.dynamic ? setting.parse([text]) : undefined;
      if (value !== undefined) set[name] = value;
    }
    const shared = this.#shareOf({ ...this.#base, ...set }) as Record<string, unknown>;
    const own = Object.fromEntries(Object.keys(set).map((name) => [name, shared[name]]));
    Object.assign(this.values, this.#base, own);
  }
}

/** By YAML key, `pageSize`, or by flag or variable. @throws ConfigError where there is none of that name */
export function settingNamed(settings: Settings, key: string): Setting<unknown> {
  const all = Object.values(settings);
  const found = all.find(({ yamlKey, flag, env }) => [yamlKey, flag, env].includes(key));
  if (found) return found;
  throw new ConfigError(
    `there is no setting "${key}"${didYouMean(
      key,
      all.map(({ yamlKey }) => yamlKey),
    )}`,
  );
}

/** @throws ConfigError where it may not change while Forebay runs, or the value is not allowed */
export function checkDynamic(setting: Setting<unknown>, value: string): void {
  const { yamlKey, dynamic, allowed, flag } = setting;
  if (!dynamic) throw new ConfigError(`${yamlKey} takes a restart: set ${flag}, or the config file`);
  if (setting.parse([value]) === undefined) {
    throw new ConfigError(`${yamlKey}: "${value}" is not allowed; allowed is ${allowed}`);
  }
}
