/** The compiled permissions against the plainest evaluator one can write down from IAM's own rules. */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { ConditionKey } from './condition-keys.ts';
import { Permissions } from './permissions.ts';
import { parsePolicy } from './policy.ts';

interface PlainStatement {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action?: string[];
  readonly NotAction?: string[];
  readonly Resource?: string[];
  readonly NotResource?: string[];
  readonly Condition?: Record<string, Record<string, string[]>>;
}

interface Asked {
  readonly action: string;
  readonly resource: string;
  readonly values: Partial<Record<ConditionKey, string>>;
}

const username = 'ann';

function wild(pattern: string, text: string): boolean {
  const source = [...pattern.replaceAll('${aws:username}', username)]
    .map(
      (character) => ({ '*': '.*', '?': '.' })[character] ?? character.replace(/[\\^$.|+()[\]{}/]/g, '\\$&'),
    )
    .join('');
  return new RegExp(`^${source}$`, 's').test(text);
}

function modelApplies(statement: PlainStatement, { action, resource, values }: Asked): boolean {
  const named = (patterns: string[]) =>
    patterns.some((pattern) => wild(pattern.toLowerCase(), action.toLowerCase()));
  const touched = (patterns: string[]) =>
    patterns.some((pattern) => pattern === '*' || wild(pattern, `arn:aws:s3:::${resource}`));
  const { Action, NotAction, Resource, NotResource, Condition = {} } = statement;
  if (Action ? !named(Action) : named(NotAction!)) return false;
  if (Resource ? !touched(Resource) : touched(NotResource!)) return false;
  return Object.entries(Condition).every(([operator, keys]) =>
    Object.entries(keys).every(([key, wanted]) => modelHolds(operator, wanted, values[key as ConditionKey])),
  );
}

function modelHolds(name: string, wanted: string[], given: string | undefined): boolean {
  if (name === 'Null') return (given === undefined) === (wanted[0] === 'true');
  const operator = name.replace(/IfExists$/, '');
  if (given === undefined) return operator !== name || operator.includes('Not');
  const compare: Record<string, (value: string) => boolean> = {
    StringEquals: (value) => value === given,
    StringEqualsIgnoreCase: (value) => value.toLowerCase() === given.toLowerCase(),
    StringLike: (value) => wild(value, given),
  };
  const some = wanted.some(compare[operator.replace('Not', '')]!);
  return operator.includes('Not') ? !some : some;
}

function modelAllows(statements: readonly PlainStatement[], asked: Asked): boolean {
  const applying = statements.filter((statement) => modelApplies(statement, asked));
  if (applying.some(({ Effect }) => Effect === 'Deny')) return false;
  return applying.some(({ Effect }) => Effect === 'Allow');
}

const listOf = (...texts: string[]) =>
  fc.uniqueArray(fc.constantFrom(...texts), { minLength: 1, maxLength: 3 });
const actions = listOf(
  's3:*',
  's3:Get*',
  's3:GetObject',
  'S3:putobject',
  's3:ListBucket',
  's3:?etObject',
  '*',
);
const resources = listOf(
  ...['*', 'arn:aws:s3:::*', 'arn:aws:s3:::lake', 'arn:aws:s3:::lake/*', 'arn:aws:s3:::lake/a/*'],
  ...[
    'arn:aws:s3:::lake/${aws:username}/*',
    'arn:aws:s3:::lake/?/x',
    'arn:aws:s3:::l*/x',
    'arn:aws:s3:::lake/a*x',
  ],
);
const negations = ['', 'Not'].flatMap((not) => [
  `String${not}Equals`,
  `String${not}EqualsIgnoreCase`,
  `String${not}Like`,
]);
const operators = fc.constantFrom(...negations, ...negations.map((name) => `${name}IfExists`));
const block = fc.dictionary(
  fc.constantFrom('s3:prefix', 's3:delimiter'),
  listOf('', 'a', 'A', 'a/*', '?', 'ann/'),
  { maxKeys: 2 },
);
const nullBlock = fc.dictionary(fc.constant('s3:prefix'), fc.constantFrom<string[]>(['true'], ['false']), {
  maxKeys: 1,
});
const conditions = fc
  .tuple(fc.dictionary(operators, block, { maxKeys: 2 }), fc.option(nullBlock, { nil: undefined }))
  .map(
    ([blocks, absent]): Record<string, Record<string, string[]>> =>
      absent ? { ...blocks, Null: absent } : blocks,
  );
const statement = fc
  .record({
    Effect: fc.constantFrom<'Allow' | 'Deny'>('Allow', 'Allow', 'Deny'),
    action: fc.tuple(fc.constantFrom('Action', 'Action', 'NotAction'), actions),
    resource: fc.tuple(fc.constantFrom('Resource', 'Resource', 'NotResource'), resources),
    Condition: fc.option(conditions, { nil: undefined }),
  })
  .map(
    ({ Effect, action, resource, Condition }): PlainStatement => ({
      Effect,
      [action[0]]: action[1],
      [resource[0]]: resource[1],
      ...(Condition && { Condition }),
    }),
  );
const asked: fc.Arbitrary<Asked> = fc.record({
  action: fc.constantFrom('s3:GetObject', 's3:PutObject', 's3:ListBucket', 's3:GetBucketLocation'),
  resource: fc.constantFrom('lake', 'lake/a/x', 'lake/ann/x', 'lake/ax', 'lake/b/x', 'other', 'other/x'),
  values: fc.record(
    { 's3:prefix': fc.constantFrom('', 'a', 'a/b', 'ann/', 'Z'), 's3:delimiter': fc.constantFrom('', 'a') },
    { requiredKeys: [] },
  ),
});

it('allow exactly what the rules allow', () => {
  const seen = { true: 0, false: 0 };
  fc.assert(
    fc.property(fc.array(statement, { minLength: 1, maxLength: 5 }), asked, (statements, question) => {
      const text = JSON.stringify({ Version: '2012-10-17', Statement: statements });
      const permissions = new Permissions([parsePolicy(text, 'policy')], username);
      const { action, resource, values } = question;
      const answer = permissions.allows(action as 's3:GetObject', resource, {
        get: (key) => values[key],
      });
      seen[`${answer}`] += 1;
      expect(answer).toBe(modelAllows(statements, question));
    }),
    { numRuns: 2000 },
  );
  // A property that only ever sees one answer proves nothing.
  expect(Math.min(seen.true, seen.false)).toBeGreaterThan(200);
});
