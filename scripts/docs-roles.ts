/** The part of docs/configuration.md about the roles of a cluster. */
import type { Setting, Settings } from '@forebay/core/config';
import {
  cacheNodeRoleGroups,
  clusterSettings,
  gatewayRoleGroups,
  serveSettingGroups,
} from 'forebay/settings';

type Table = (settings: readonly Setting<unknown>[]) => string;

/** What the roles alone take, and where they differ from `serve`. */
export function rolesText(settingsTable: Table): string {
  return `\`forebay gateway\` takes these, and of those above what concerns its process, the gateway, UFSs, the
admin port and the root user; some of them mean something else there:

${settingsTable(othersOf(gatewayRoleGroups))}

\`forebay cache-node\` takes these, and of those above what concerns its process, the cache, UFSs and the root
user:

${settingsTable(othersOf(cacheNodeRoleGroups))}`;
}

function othersOf(groups: readonly { readonly settings: Settings }[]): Setting<unknown>[] {
  const above = [...serveSettingGroups.map(({ settings }) => settings), clusterSettings].flatMap((settings) =>
    Object.values<Setting<unknown>>(settings),
  );
  return groups
    .flatMap(({ settings }) => Object.values<Setting<unknown>>(settings))
    .filter(({ yamlKey, help }) => !above.some((one) => one.yamlKey === yamlKey && one.help === help));
}
