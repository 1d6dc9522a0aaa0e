/** Flags of the commands that start a role, from its settings. */
import type { Setting, Settings } from '@forebay/core/config';
import { type Command, Option } from 'commander';
import { usageError } from '../command-error.ts';

export const collect = (value: string, before: readonly string[] | undefined) => [...(before ?? []), value];

export type SettingGroups = readonly { readonly title: string; readonly settings: Settings }[];

/** Every setting that is no secret as a flag, and the flags that have a name already and come later. */
export function addSettings(command: Command, groups: SettingGroups): void {
  for (const { title, settings } of groups) {
    for (const setting of Object.values(settings)) {
      if (!setting.secret) command.addOption(optionOf(setting).helpGroup(`${title}:`));
    }
  }
  for (const flag of ['--tls-cert', '--tls-key', '--tls-ca', '--write-back']) {
    const refuse = () => {
      throw usageError(`${flag} is not available in this version`);
    };
    command.addOption(new Option(`${flag} [value]`).argParser(refuse).hideHelp().preset(''));
  }
}

const placeholders = {
  bytes: '<size>',
  duration: '<time>',
  integer: '<n>',
  decimal: '<number>',
  text: '<text>',
  choice: '<word>',
  list: '<text>',
};

function optionOf(setting: Setting<unknown>): Option {
  const choices = setting.kind === 'choice' ? ` ${setting.allowed}.` : '';
  const byDefault = setting.defaultText === undefined ? '' : `default ${setting.defaultText}, `;
  const option = new Option(
    `${setting.flag} ${placeholders[setting.kind]}`,
    `${setting.help}${choices} (${byDefault}env ${setting.env})`,
  );
  return setting.kind === 'list' ? option.argParser(collect) : option;
}
