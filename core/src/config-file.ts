/**
 * The config file: one YAML document with the settings' YAML keys, `mounts`, `rules` and `users`. Settings,
 * mounts and rules are taken as the text that stands there, so that a value means the same in a file, a
 * variable and a flag. Errors name file, line and key.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml';
import type { RuleInput } from './cache-rules.ts';
import { ConfigError, didYouMean, type FileValues, type Setting, type Settings } from './config.ts';
import type { MountInput } from './mount-uri.ts';

export interface ConfigFile {
  readonly values: FileValues;
  readonly mounts: readonly MountInput[];
  readonly rules: readonly RuleInput[];
  readonly users: readonly FileUser[];
}

/** An entry of `users`, as it stands there; `where` is `forebay.yaml line 3`. */
export interface FileUser {
  readonly value: unknown;
  readonly where: string;
}

interface Reader {
  /** `forebay.yaml line 3` */
  where(node: unknown): string;
  /** Follows an alias to its anchor. */
  resolve(node: unknown): unknown;
  /** As JSON would have it. */
  plain(node: unknown): unknown;
}

/** @throws ConfigError where the text is no YAML, a key is unknown, or a value has the wrong shape. */
export function parseConfigFile(file: { name: string; text: string; settings: Settings }): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(file.text, { lineCounter: lines, prettyErrors: false });
  const line = (offset: number | undefined) => (offset === undefined ? 1 : lines.linePos(offset).line);
  const [problem] = document.errors;
  if (problem) throw new ConfigError(`${file.name} line ${line(problem.pos[0])}: ${problem.message}`);
  const reader: Reader = {
    where: (node) => `${file.name} line ${line((node as Node | undefined)?.range?.[0])}`,
    resolve: (node) => (isAlias(node) ? node.resolve(document) : node),
    plain: (node) => (node as Node).toJS(document),
  };
  const root = reader.resolve(document.contents);
  if (root === null || (isScalar(root) && root.value === null)) return empty;
  if (!isMap(root))
    throw new ConfigError(`${reader.where(root)}: a config file is a list of "key: value" lines`);
  return readRoot(root, reader, file.settings);
}

const empty: ConfigFile = { values: new Map(), mounts: [], rules: [], users: [] };

function readRoot(root: YAMLMap, reader: Reader, settings: Settings): ConfigFile {
  const byKey = new Map(Object.values(settings).map((setting) => [setting.yamlKey, setting]));
  const values = new Map<string, { texts: readonly string[]; where: string }>();
  let mounts: MountInput[] = [];
  let rules: RuleInput[] = [];
  let users: FileUser[] = [];
  for (const { key, value } of root.items) {
    const name = textOf(key, reader, 'a key');
    const setting = byKey.get(name);
    if (name === 'mounts') mounts = readMounts(value, reader);
    else if (name === 'rules') rules = readRules(value, reader);
    else if (name === 'users') users = readUsers(value, reader);
    else if (setting?.secret) {
      throw new ConfigError(
        `${reader.where(key)}: ${name} is a secret: set ${setting.env} in the environment`,
      );
    } else if (setting)
      values.set(name, { texts: textsOf(value, reader, setting), where: reader.where(key) });
    else {
      const allowed = [...byKey.values()].filter((known) => !known.secret).map((known) => known.yamlKey);
      allowed.push('mounts', 'rules', 'users');
      const near = didYouMean(name, allowed);
      throw new ConfigError(
        `${reader.where(key)}: unknown key "${name}"${near}; allowed are ${allowed.sort().join(', ')}`,
      );
    }
  }
  return { values, mounts, rules, users };
}

function textsOf(node: unknown, reader: Reader, setting: Setting<unknown>): string[] {
  const value = reader.resolve(node);
  if (setting.kind === 'list' && isSeq(value)) {
    return value.items.map((item) => textOf(item, reader, setting.yamlKey));
  }
  return [textOf(value, reader, setting.yamlKey)];
}

/** A scalar as it was written: `0`, `1MiB`, `true`. */
function textOf(node: unknown, reader: Reader, name: string): string {
  const scalar = reader.resolve(node);
  if (!isScalar(scalar)) throw new ConfigError(`${reader.where(node)}: ${name}: expected a single value`);
  if (scalar.value === null) throw new ConfigError(`${reader.where(node)}: ${name}: the value is missing`);
  return typeof scalar.value === 'string' ? scalar.value : (scalar.source ?? String(scalar.value));
}

/** A list of `{ path, ufs, ...options }`, or a map of path to UFS URI or to `{ ufs, ...options }`. */
function readMounts(node: unknown, reader: Reader): MountInput[] {
  const value = reader.resolve(node);
  if (isScalar(value) && value.value === null) return [];
  if (isSeq(value)) return value.items.map((item) => readMount(item, reader));
  if (isMap(value)) {
    return value.items.map(({ key, value: mount }) => {
      const path = textOf(key, reader, 'mounts');
      const resolved = reader.resolve(mount);
      return isMap(resolved)
        ? readMount(resolved, reader, path)
        : { path, uri: textOf(resolved, reader, path), where: reader.where(key) };
    });
  }
  throw new ConfigError(
    `${reader.where(node)}: mounts: expected a list of { path, ufs } or a map of path to UFS URI`,
  );
}

function readMount(node: unknown, reader: Reader, knownPath?: string): MountInput {
  const map = reader.resolve(node);
  const where = reader.where(node);
  if (isScalar(map)) {
    throw new ConfigError(`${where}: mounts: an entry of the list is { path: /bucket, ufs: "s3://..." }`);
  }
  if (!isMap(map)) throw new ConfigError(`${where}: mounts: expected { path, ufs }`);
  const fields = fieldsOf(map, reader, 'mounts');
  const path = knownPath ?? fields.get('path');
  const uri = fields.get('ufs');
  if (path === undefined || uri === undefined) {
    throw new ConfigError(`${where}: mounts: a mount needs ${path === undefined ? 'path' : 'ufs'}`);
  }
  if (knownPath === undefined) fields.delete('path');
  fields.delete('ufs');
  return { path, uri, options: Object.fromEntries(fields), where };
}

function fieldsOf(map: YAMLMap, reader: Reader, what: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const { key, value } of map.items) {
    const name = textOf(key, reader, what);
    fields.set(name, textOf(value, reader, name));
  }
  return fields;
}

/** A list of `{ prefix, ...options }`, or of texts as the flag takes them. */
function readRules(node: unknown, reader: Reader): RuleInput[] {
  const value = reader.resolve(node);
  if (isScalar(value) && value.value === null) return [];
  if (isSeq(value)) return value.items.map((item) => readRule(item, reader));
  throw new ConfigError(`${reader.where(node)}: rules: expected a list of { prefix, ...options }`);
}

function readRule(node: unknown, reader: Reader): RuleInput {
  const rule = reader.resolve(node);
  const where = reader.where(node);
  if (!isMap(rule)) return { prefix: textOf(rule, reader, 'rules'), where };
  const fields = fieldsOf(rule, reader, 'rules');
  const prefix = fields.get('prefix');
  if (prefix === undefined) throw new ConfigError(`${where}: rules: a rule needs prefix`);
  fields.delete('prefix');
  return { prefix, options: Object.fromEntries(fields), where };
}

function readUsers(node: unknown, reader: Reader): FileUser[] {
  const value = reader.resolve(node);
  if (isScalar(value) && value.value === null) return [];
  if (isSeq(value)) {
    return value.items.map((item) => ({ value: reader.plain(item), where: reader.where(item) }));
  }
  throw new ConfigError(`${reader.where(node)}: users: expected a list of { name, accessKey, secretKey }`);
}
