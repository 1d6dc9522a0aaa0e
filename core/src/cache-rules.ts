/**
 * Rules from text: `s3://bucket/prefix/?quota=10GiB&pin=true`, or prefix and options from a config file. Prefix
 * and query are percent-decoded once, as those of mounts.
 */
import type { CacheOptions, CacheRule } from './cache-policy.ts';
import { ConfigError } from './config.ts';
import { keyPatternOf } from './key-pattern.ts';
import { isBucketName } from './mount.ts';
import { cacheOptionNames, cacheOptionsOf, flagOf, readOptionPairs } from './option-values.ts';
import { decodeOnce, prefixed, queryPairs } from './uri-text.ts';

export interface RuleInput {
  /** `s3://bucket/prefix/`, options in its query or beside it. */
  readonly prefix: string;
  /** The same options as in the query, as text; an option must not stand in both. */
  readonly options?: Readonly<Record<string, string>>;
  /** Where it was written (`forebay.yaml line 7`, `--rule`), for errors. */
  readonly where: string;
}

const ruleOptions = [...cacheOptionNames, 'pin'] as const;
export const rulesMax = 10_000;

/** @throws ConfigError naming the rule and what is allowed. */
export function parseRule({ prefix, options = {}, where }: RuleInput): CacheRule {
  try {
    const [, place = '', query = ''] = /^([^?]*)\??(.*)$/s.exec(prefix) ?? [];
    const keys = keysOf(place);
    try {
      return { keys, options: optionsOf([...queryPairs(query), ...Object.entries(options)]) };
    } catch (error) {
      throw prefixed(error, `rule ${keys.text}: `);
    }
  } catch (error) {
    throw prefixed(error, `${where}: `);
  }
}

function keysOf(text: string) {
  const [, bucket = '', rest = ''] = /^s3:\/\/([^/]+)(?:\/(.*))?$/s.exec(text) ?? [];
  if (!isBucketName(bucket)) {
    throw new ConfigError(
      'a rule is s3://bucket/prefix/?option=value, with the bucket as clients see it, ' +
        'such as s3://lake/hot/?priority=high',
    );
  }
  // A star that is written %2A is part of the key.
  const star = rest.endsWith('*');
  const decoded = decodeOnce(star ? rest.slice(0, -1) : rest, 'prefix');
  if (!star && decoded.endsWith('*')) {
    throw new ConfigError('a "*" at the end means every key that begins so; a key cannot end with it here');
  }
  return keyPatternOf(bucket, star ? `${decoded}*` : decoded);
}

function optionsOf(pairs: readonly (readonly [string, string])[]): CacheOptions {
  const options = readOptionPairs(pairs, ruleOptions);
  if (options.size === 0) {
    throw new ConfigError(`a rule needs an option; allowed are ${ruleOptions.join(', ')}`);
  }
  const pinned = flagOf('pin', options.get('pin'));
  return { ...cacheOptionsOf(options), ...(pinned !== undefined && { pinned }) };
}

/**
 * Later sources win over earlier ones, prefix by prefix; within one source a prefix stands once.
 * @throws ConfigError
 */
export function mergeRules(sources: readonly (readonly RuleInput[])[]): CacheRule[] {
  const byText = new Map<string, CacheRule>();
  for (const inputs of sources) {
    const seen = new Set<string>();
    for (const input of inputs) {
      const rule = parseRule(input);
      const { text } = rule.keys;
      if (seen.has(text)) throw new ConfigError(`${input.where}: rule ${text}: the prefix stands twice`);
      seen.add(text);
      byText.set(text, rule);
    }
  }
  if (byText.size > rulesMax) throw new ConfigError(`rules: at most ${rulesMax} are allowed`);
  return [...byText.values()];
}
