/** Settings of a process that follow what is set at run time. */
import type { Settings } from '@forebay/core/config';
import { LiveSettings } from '@forebay/core/live-settings';
import type { Log, LogLevel } from '@forebay/core/log';
import type { Registry } from '@forebay/core/registry';

export interface FollowOptions<V> {
  readonly registry: Pick<Registry, 'view' | 'watch'>;
  readonly log: Log;
  /** Of these values. */
  readonly logLevelOf: (values: V) => LogLevel;
  /** Of values for all processes together, what this one gets. */
  readonly shareOf?: (values: V) => V;
}

/** @returns values whose fields change in place, and what ends that */
export function followSettings<V extends object>(
  settings: Settings,
  base: V,
  { registry, log, logLevelOf, shareOf }: FollowOptions<V>,
): { readonly values: V; readonly stop: () => void } {
  const live = new LiveSettings(settings, base, shareOf);
  const startLevel = log.level;
  const apply = ({ settings: texts = {} }: ReturnType<Registry['view']>) => {
    live.apply(texts);
    log.level = texts.logLevel === undefined ? startLevel : logLevelOf(live.values);
  };
  apply(registry.view());
  return { values: live.values, stop: registry.watch(apply) };
}
