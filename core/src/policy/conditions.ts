/**
 * The Condition element: operators, what they compare, and what an absent key means. All operators and keys
 * must hold; one of several values is enough. With an absent key a condition does not hold, but for the
 * negated operators and those that end in IfExists (IAM: "IAM JSON policy elements: Condition operators").
 */
import { AddressRanges } from '../address-ranges.ts';
import { ConfigError, didYouMean } from '../config.ts';
import {
  type ConditionKey,
  type ConditionValues,
  conditionKeyOf,
  judged,
  type KeyKind,
  kindOf,
  untold,
} from './condition-keys.ts';
import { compilePattern, type Matcher, type Pattern, parsePattern } from './pattern.ts';

interface Operator {
  readonly kind: KeyKind;
  readonly negated?: true;
  /** Takes values apart, and says how one is compared. @throws ConfigError */
  readonly matcherOf: (value: string, syntax: { variables: boolean }) => (username: string) => Matcher;
}

const texts =
  (wildcards: boolean): Operator['matcherOf'] =>
  (value, { variables }) =>
    ofPattern(parsePattern(value, { wildcards, variables }));
const ofPattern = (pattern: Pattern) => (username: string) => compilePattern(pattern, username);
const lowerCase: Operator['matcherOf'] = (value, { variables }) => {
  const pattern = parsePattern(value.toLowerCase(), { wildcards: false, variables });
  return (username) => {
    const matches = compilePattern(pattern, username.toLowerCase());
    return (text) => matches(text.toLowerCase());
  };
};
const numbers =
  (holds: (given: number, value: number) => boolean): Operator['matcherOf'] =>
  (text) => {
    const value = numberOf(text);
    if (Number.isNaN(value)) throw new ConfigError(`"${text}" is not a number`);
    return () => (given) => holds(numberOf(given), value);
  };
const ranges: Operator['matcherOf'] = (text) => {
  const range = new AddressRanges([text]);
  return () => (given) => range.has(given);
};
const flags: Operator['matcherOf'] = (text) => {
  const value = flagOf(text);
  return () => (given) => given === String(value);
};

const operators: Readonly<Record<string, Operator>> = {
  StringEquals: { kind: 'text', matcherOf: texts(false) },
  StringNotEquals: { kind: 'text', negated: true, matcherOf: texts(false) },
  StringEqualsIgnoreCase: { kind: 'text', matcherOf: lowerCase },
  StringNotEqualsIgnoreCase: { kind: 'text', negated: true, matcherOf: lowerCase },
  StringLike: { kind: 'text', matcherOf: texts(true) },
  StringNotLike: { kind: 'text', negated: true, matcherOf: texts(true) },
  NumericEquals: { kind: 'number', matcherOf: numbers((given, value) => given === value) },
  NumericNotEquals: { kind: 'number', negated: true, matcherOf: numbers((given, value) => given === value) },
  NumericLessThan: { kind: 'number', matcherOf: numbers((given, value) => given < value) },
  NumericLessThanEquals: { kind: 'number', matcherOf: numbers((given, value) => given <= value) },
  NumericGreaterThan: { kind: 'number', matcherOf: numbers((given, value) => given > value) },
  NumericGreaterThanEquals: { kind: 'number', matcherOf: numbers((given, value) => given >= value) },
  Bool: { kind: 'boolean', matcherOf: flags },
  IpAddress: { kind: 'address', matcherOf: ranges },
  NotIpAddress: { kind: 'address', negated: true, matcherOf: ranges },
};
export const operatorNames = [...Object.keys(operators), 'Null'];

function numberOf(text: string): number {
  return /^[+-]?\d{1,30}(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
}

function flagOf(text: string): boolean {
  const lower = text.toLowerCase();
  if (lower !== 'true' && lower !== 'false') throw new ConfigError(`"${text}" is neither true nor false`);
  return lower === 'true';
}

/** One key under one operator, understood. */
export interface Condition {
  readonly key: ConditionKey;
  readonly holdsWhenAbsent: boolean;
  readonly holdsWhenPresent: 'any-matches' | 'none-matches' | 'always' | 'never';
  readonly matchers: readonly ((username: string) => Matcher)[];
}

export interface ConditionInput {
  readonly operator: string;
  readonly key: string;
  readonly values: readonly string[];
  readonly variables: boolean;
}

/** @throws ConfigError on what is not understood; the place is the caller's to tell. */
export function parseCondition({
  operator: name,
  key: keyText,
  values,
  variables,
}: ConditionInput): Condition {
  const key = conditionKeyOf(keyText);
  if (name === 'Null') {
    const [absent, ...others] = values.map(flagOf);
    if (others.length > 0) throw new ConfigError('Null takes one value, true or false');
    return { key, holdsWhenAbsent: absent!, holdsWhenPresent: absent ? 'never' : 'always', matchers: [] };
  }
  if (key === 's3:x-amz-copy-source' && values.some((value) => value.startsWith('/'))) {
    throw new ConfigError(`${key} is bucket/key, without a slash before it`);
  }
  const ifExists = name.endsWith('IfExists');
  const operator = operatorOf(ifExists ? name.slice(0, -'IfExists'.length) : name, name);
  if (operator.kind !== kindOf(key)) {
    const fitting = Object.keys(operators).filter((other) => operators[other]!.kind === kindOf(key));
    throw new ConfigError(`${name} does not fit ${key}; ${fitting.join(', ')} and Null do`);
  }
  return {
    key,
    holdsWhenAbsent: ifExists || operator.negated === true,
    holdsWhenPresent: operator.negated ? 'none-matches' : 'any-matches',
    matchers: values.map((value) => operator.matcherOf(value, { variables })),
  };
}

function operatorOf(base: string, name: string): Operator {
  const operator = Object.hasOwn(operators, base) ? operators[base] : undefined;
  if (operator) return operator;
  if (/^(ForAllValues|ForAnyValue):/.test(name)) {
    throw new ConfigError(`the operator "${name}" is not available: every condition key here has one value`);
  }
  const near = didYouMean(name, operatorNames);
  throw new ConfigError(
    `the operator "${name}" is not available${near}; available are ${operatorNames.join(', ')}`,
  );
}

export type ConditionTest = (values: ConditionValues) => boolean;

interface Owner {
  readonly username: string;
  readonly effect: 'Allow' | 'Deny';
}

/**
 * What was judged already neither denies a second time nor stands in the way of an allow; what cannot be told
 * does both.
 */
export function compileCondition(condition: Condition, { username, effect }: Owner): ConditionTest {
  const { key, holdsWhenAbsent, holdsWhenPresent } = condition;
  const [holdsWhenJudged, holdsWhenUntold] = [effect === 'Allow', effect === 'Deny'];
  if (holdsWhenPresent === 'always' || holdsWhenPresent === 'never') {
    return (values) => {
      const value = values.get(key);
      if (value === judged) return holdsWhenJudged;
      if (value === untold) return holdsWhenUntold;
      return (value === undefined) === holdsWhenAbsent;
    };
  }
  const matchers = condition.matchers.map((matcher) => matcher(username));
  const matching = holdsWhenPresent === 'any-matches';
  return (values) => {
    const value = values.get(key);
    if (value === undefined) return holdsWhenAbsent;
    if (value === judged) return holdsWhenJudged;
    if (value === untold) return holdsWhenUntold;
    for (const matches of matchers) if (matches(value)) return matching;
    return !matching;
  };
}
