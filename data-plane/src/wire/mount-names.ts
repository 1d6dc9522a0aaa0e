/**
 * How mounts travel: by name. Both sides read one table of mounts; a name is a mount's path and a digest of
 * everything it says, so that a mount that was replaced under its path is never taken for the one before.
 * No option, address or name of a secret leaves the process.
 */
import { createHash } from 'node:crypto';
import { isPattern, type Mount, type MountTable } from '@forebay/core/mount';

const digestLength = 22;
const names = new WeakMap<Mount, string>();

export function mountNameOf(mount: Mount): string {
  const known = names.get(mount);
  if (known !== undefined) return known;
  const name = mount.pattern
    ? `${mountNameOf(mount.pattern)}\0${mount.bucket}`
    : `${digestOf(mount)}${mount.path}`;
  names.set(mount, name);
  return name;
}

/** When a mount was made differs between processes that were told of it on their own, and changes nothing. */
function digestOf(mount: Mount): string {
  const { createdAtMs: _, pattern: __, ...said } = mount;
  return createHash('sha256').update(stableText(said)).digest('base64url').slice(0, digestLength);
}

/** The same text for equal values, whatever the order of their properties. */
function stableText(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(JSON.stringify(value) ?? typeof value);
  const properties = Object.entries(value).filter(([, inner]) => inner !== undefined);
  properties.sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${properties.map(([name, inner]) => `${name}:${stableText(inner)}`).join()}}`;
}

export class MountNames {
  readonly #table: () => MountTable;
  #known: MountTable | undefined;
  #byName = new Map<string, Mount>();

  constructor(table: () => MountTable) {
    this.#table = table;
  }

  /** Undefined where nothing is mounted by this name now. */
  find(name: string): Mount | undefined {
    const table = this.#table();
    if (table !== this.#known) {
      this.#known = table;
      this.#byName = new Map(table.mounts.map((mount) => [mountNameOf(mount), mount]));
    }
    const end = name.indexOf('\0');
    if (end < 0) return this.#byName.get(name);
    const pattern = this.#byName.get(name.slice(0, end));
    if (!pattern || !isPattern(pattern)) return undefined;
    return table.ofBucket(name.slice(end + 1)).find((mount) => mount.pattern === pattern);
  }
}
