/**
 * A policy in S3's own language: Version, Statement; Effect, Action or NotAction, Resource or NotResource,
 * Condition. What is not understood is refused when the policy is read, with its place: never ignored, since
 * a statement that is dropped may be the one that denies (IAM: "IAM JSON policy element reference").
 */
import { ConfigError, didYouMean } from '../config.ts';
import { type S3Action, s3Actions } from './actions.ts';
import { type Condition, parseCondition } from './conditions.ts';
import { parseStrictJson } from './json.ts';
import { compilePattern, type Pattern, parsePattern } from './pattern.ts';

/** Of one policy as JSON. */
export const policyBytesMax = 20 * 1024;

export interface Statement {
  readonly effect: 'Allow' | 'Deny';
  readonly actions: ReadonlySet<S3Action>;
  /** Of what follows `arn:aws:s3:::`; with `negated` the statement is about everything else. */
  readonly resources: { readonly negated: boolean; readonly patterns: readonly Pattern[] };
  readonly conditions: readonly Condition[];
}

export interface Policy {
  /** As JSON, for people and to be kept. */
  readonly text: string;
  readonly statements: readonly Statement[];
}

/**
 * @param where for error texts: a file's name, `user reader policy 2`.
 * @throws ConfigError
 */
export function parsePolicy(text: string, where: string): Policy {
  return at(where, () => {
    const sizeBytes = Buffer.byteLength(text);
    if (sizeBytes > policyBytesMax) {
      throw new ConfigError(`the policy has ${sizeBytes} bytes; at most ${policyBytesMax} are allowed`);
    }
    const document = recordOf(parseStrictJson(text), 'a policy');
    const { Version: version = '2008-10-17', Id: id, Statement: statement } = document;
    refuseUnknown(document, ['Version', 'Id', 'Statement']);
    if (version !== '2012-10-17' && version !== '2008-10-17') {
      throw new ConfigError('Version: allowed is "2012-10-17" (or the older "2008-10-17")');
    }
    if (id !== undefined && typeof id !== 'string') throw new ConfigError('Id: a text is expected');
    const list = Array.isArray(statement) ? statement : [statement];
    if (statement === undefined || list.length === 0) throw new ConfigError('Statement: there is none');
    const variables = version === '2012-10-17';
    const statements = list.map((item, index) =>
      at(`Statement[${index}]`, () => parseStatement(recordOf(item, 'a statement'), variables)),
    );
    refuseEqualSids(list as Record<string, unknown>[]);
    return { text: JSON.stringify(document), statements };
  });
}

const statementElements = [
  ...['Sid', 'Effect', 'Action', 'NotAction', 'Resource', 'NotResource', 'Condition'],
] as const;

function parseStatement(statement: Record<string, unknown>, variables: boolean): Statement {
  for (const element of ['Principal', 'NotPrincipal']) {
    if (element in statement) {
      throw new ConfigError(`${element}: not allowed here; a user's policy is about that user`);
    }
  }
  refuseUnknown(statement, statementElements);
  const { Sid: sid, Effect: effect, Condition: condition } = statement;
  if (sid !== undefined && (typeof sid !== 'string' || !/^[A-Za-z0-9]*$/.test(sid))) {
    throw new ConfigError('Sid: letters and digits are allowed');
  }
  if (effect !== 'Allow' && effect !== 'Deny') throw new ConfigError('Effect: "Allow" or "Deny" is expected');
  const action = eitherOf(statement, 'Action', 'NotAction');
  const named = new Set(
    action.texts.flatMap((text, index) => at(action.place(index), () => actionsOf(text))),
  );
  const resource = eitherOf(statement, 'Resource', 'NotResource');
  const patterns = resource.texts.map((text, index) =>
    at(resource.place(index), () => resourceOf(text, variables)),
  );
  return {
    effect,
    actions: action.negated ? new Set(s3Actions.filter((name) => !named.has(name))) : named,
    resources: { negated: resource.negated, patterns },
    conditions: condition === undefined ? [] : conditionsOf(condition, variables),
  };
}

function eitherOf(statement: Record<string, unknown>, plain: string, not: string) {
  if (plain in statement === not in statement) throw new ConfigError(`${plain} or ${not}: one is needed`);
  const name = plain in statement ? plain : not;
  const value = statement[name];
  return {
    negated: name === not,
    texts: at(name, () => textsOf(value)),
    place: (index: number) => (Array.isArray(value) ? `${name}[${index}]` : name),
  };
}

/** Upper and lower case mean the same. @throws ConfigError where no operation needs such an action */
function actionsOf(text: string): readonly S3Action[] {
  if (text === '*') return s3Actions;
  const service = /^([a-z0-9-]+):/i.exec(text)?.[1];
  if (service !== undefined && service.toLowerCase() !== 's3') {
    throw new ConfigError(`"${text}" is an action of another service; only those of s3 are here`);
  }
  const pattern = parsePattern(text.toLowerCase(), { wildcards: true, variables: false });
  const matches = compilePattern(pattern, '');
  const fitting = s3Actions.filter((name) => matches(name.toLowerCase()));
  if (fitting.length > 0) return fitting;
  throw new ConfigError(`unknown action "${text}"${didYouMean(text, s3Actions)}`);
}

const arnStart = 'arn:aws:s3:::';

function resourceOf(text: string, variables: boolean): Pattern {
  const syntax = { wildcards: true, variables };
  if (text === '*') return parsePattern('*', syntax);
  const path = text.startsWith(arnStart) ? text.slice(arnStart.length) : '';
  if (path !== '' && !path.startsWith('/')) return parsePattern(path, syntax);
  throw new ConfigError(
    `"${text}" is no resource; write "*", "${arnStart}bucket" or "${arnStart}bucket/key*"`,
  );
}

function conditionsOf(value: unknown, variables: boolean): Condition[] {
  const blocks = Object.entries(at('Condition', () => recordOf(value, 'a condition')));
  return blocks.flatMap(([operator, block]) =>
    at(`Condition.${operator}`, () =>
      Object.entries(recordOf(block, 'an operator')).map(([key, given]) =>
        at(key, () => parseCondition({ operator, key, values: textsOf(given), variables })),
      ),
    ),
  );
}

/** One text or a list of them. Numbers and true, false may stand without quotes. */
function textsOf(value: unknown): string[] {
  const list = Array.isArray(value) ? value : [value];
  if (list.length === 0) throw new ConfigError('the list is empty');
  return list.map((item) => {
    if (typeof item === 'string') return item;
    if (typeof item === 'number' || typeof item === 'boolean') return String(item);
    throw new ConfigError('a text or a list of texts is expected');
  });
}

function refuseUnknown(record: Record<string, unknown>, known: readonly string[]): void {
  const unknown = Object.keys(record).find((name) => !known.includes(name));
  if (unknown === undefined) return;
  const near = didYouMean(unknown, known);
  throw new ConfigError(`unknown element "${unknown}"${near}; allowed are ${known.join(', ')}`);
}

function refuseEqualSids(statements: readonly Record<string, unknown>[]): void {
  const seen = new Set<unknown>();
  for (const [index, { Sid: sid }] of statements.entries()) {
    if (sid !== undefined && seen.has(sid))
      throw new ConfigError(`Statement[${index}]: Sid "${sid}" stands twice`);
    seen.add(sid);
  }
}

function recordOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw new ConfigError(`${what} is an object`);
}

/** Puts the place before the message of a ConfigError. */
function at<Value>(place: string, read: () => Value): Value {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const colon = /^(Statement\[|Condition\.)/.test(error.message) && /^Statement\[|^Condition\./.test(place);
    throw new ConfigError(`${place}${colon ? '.' : ': '}${error.message}`, { cause: error });
  }
}
