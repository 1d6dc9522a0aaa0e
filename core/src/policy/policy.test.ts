import { describe, expect, it } from 'vitest';
import { s3Actions } from './actions.ts';
import { type ConditionKey, type ConditionValues, judged } from './condition-keys.ts';
import { grantPolicy } from './grants.ts';
import { Permissions } from './permissions.ts';
import { parsePolicy, policyBytesMax } from './policy.ts';

const allowAll = { Effect: 'Allow', Action: 's3:*', Resource: '*' };

function policyOf(...statements: object[]) {
  return parsePolicy(JSON.stringify({ Version: '2012-10-17', Statement: statements }), 'p.json');
}

type Values = Partial<Record<ConditionKey, string>>;
const valuesOf = (values: Values = {}) => ({ get: (key: ConditionKey) => values[key] });

function allows(statements: object[], asked: [action: string, resource: string, values?: Values]): boolean {
  const [action, resource, values] = asked;
  return new Permissions([policyOf(...statements)], 'ann').allows(`s3:${action}`, resource, valuesOf(values));
}

describe('evaluation', () => {
  it('denies what nothing allows', () => {
    expect(allows([{ ...allowAll, Action: 's3:GetObject' }], ['PutObject', 'lake/x'])).toBe(false);
    expect(new Permissions([], 'ann').allows('s3:GetObject', 'lake/x', valuesOf())).toBe(false);
  });

  it('lets a deny win over every allow, in whatever policy it stands', () => {
    const deny = { Effect: 'Deny', Action: 's3:GetObject', Resource: 'arn:aws:s3:::lake/secret/*' };
    expect(allows([deny, allowAll], ['GetObject', 'lake/secret/x'])).toBe(false);
    expect(allows([allowAll, deny], ['GetObject', 'lake/open/x'])).toBe(true);
    const apart = new Permissions([policyOf(allowAll), policyOf(deny)], 'ann');
    expect(apart.allows('s3:GetObject', 'lake/secret/x', valuesOf())).toBe(false);
  });

  it('keeps bucket and objects apart', () => {
    const bucket = { Effect: 'Allow', Action: 's3:*', Resource: 'arn:aws:s3:::lake' };
    expect(allows([bucket], ['ListBucket', 'lake'])).toBe(true);
    expect(allows([bucket], ['GetObject', 'lake/x'])).toBe(false);
    expect(allows([bucket], ['ListAllMyBuckets', ''])).toBe(false);
    expect(allows([allowAll], ['ListAllMyBuckets', ''])).toBe(true);
    const everything = { ...allowAll, Resource: 'arn:aws:s3:::*' };
    expect(allows([everything], ['ListAllMyBuckets', ''])).toBe(true);
  });

  it('knows NotAction and NotResource, and action names in any case', () => {
    const notDelete = { Effect: 'Allow', NotAction: 's3:Delete*', Resource: '*' };
    expect(allows([notDelete], ['GetObject', 'lake/x'])).toBe(true);
    expect(allows([notDelete], ['DeleteObject', 'lake/x'])).toBe(false);
    const notSecret = { Effect: 'Allow', Action: 'S3:getobject', NotResource: 'arn:aws:s3:::lake/s/*' };
    expect(allows([notSecret], ['GetObject', 'lake/x'])).toBe(true);
    expect(allows([notSecret], ['GetObject', 'lake/s/x'])).toBe(false);
  });

  it('resolves ${aws:username}', () => {
    const home = { ...allowAll, Resource: 'arn:aws:s3:::lake/home/${aws:username}/*' };
    expect(allows([home], ['GetObject', 'lake/home/ann/x'])).toBe(true);
    expect(allows([home], ['GetObject', 'lake/home/bob/x'])).toBe(false);
  });
});

describe('conditions', () => {
  const under = (Condition: object, values: Values) =>
    allows([{ ...allowAll, Condition }], ['ListBucket', 'lake', values]);

  it.each<[object, Values, boolean]>([
    [{ StringEquals: { 's3:prefix': ['', 'home/'] } }, { 's3:prefix': '' }, true],
    [{ StringEquals: { 's3:prefix': ['', 'home/'] } }, {}, false],
    [{ StringEqualsIfExists: { 's3:prefix': 'home/' } }, {}, true],
    [{ StringEqualsIfExists: { 's3:prefix': 'home/' } }, { 's3:prefix': 'x' }, false],
    [{ StringEquals: { 'S3:Prefix': 'a*' } }, { 's3:prefix': 'ab' }, false],
    [{ StringLike: { 's3:prefix': ['raw/*', 'x?'] } }, { 's3:prefix': 'raw/a' }, true],
    [{ StringLike: { 's3:prefix': ['raw/*', 'x?'] } }, { 's3:prefix': 'xyz' }, false],
    [{ StringNotLike: { 's3:prefix': ['raw/*', 'x?'] } }, { 's3:prefix': 'xy' }, false],
    [{ StringNotLike: { 's3:prefix': 'raw/*' } }, {}, true],
    [{ StringNotEquals: { 's3:prefix': ['a', 'b'] } }, { 's3:prefix': 'b' }, false],
    [{ StringNotEquals: { 's3:prefix': ['a', 'b'] } }, { 's3:prefix': 'c' }, true],
    [{ StringEqualsIgnoreCase: { 'aws:username': 'ANN' } }, { 'aws:username': 'Ann' }, true],
    [{ StringNotEqualsIgnoreCase: { 'aws:username': 'ANN' } }, { 'aws:username': 'Ann' }, false],
    [{ StringEquals: { 's3:prefix': '${aws:username}/' } }, { 's3:prefix': 'ann/' }, true],
    [{ NumericLessThanEquals: { 's3:max-keys': 10 } }, { 's3:max-keys': '10' }, true],
    [{ NumericLessThanEquals: { 's3:max-keys': '10' } }, { 's3:max-keys': '11' }, false],
    [{ NumericLessThanEquals: { 's3:max-keys': 10 } }, { 's3:max-keys': 'ten' }, false],
    [{ NumericLessThan: { 's3:max-keys': 10 } }, { 's3:max-keys': '10' }, false],
    [{ NumericGreaterThan: { 's3:max-keys': 10 } }, { 's3:max-keys': '11' }, true],
    [{ NumericGreaterThan: { 's3:max-keys': 10 } }, { 's3:max-keys': '+00000000000000000011' }, true],
    [{ NumericGreaterThanEquals: { 's3:max-keys': 10 } }, { 's3:max-keys': '9' }, false],
    [{ NumericEquals: { 's3:max-keys': [1, 2] } }, { 's3:max-keys': '2' }, true],
    [{ NumericNotEquals: { 's3:max-keys': [1, 2] } }, { 's3:max-keys': '2' }, false],
    [{ Bool: { 'aws:SecureTransport': true } }, { 'aws:SecureTransport': 'true' }, true],
    [{ Bool: { 'aws:SecureTransport': 'true' } }, { 'aws:SecureTransport': 'false' }, false],
    [{ Null: { 's3:prefix': 'true' } }, {}, true],
    [{ Null: { 's3:prefix': true } }, { 's3:prefix': '' }, false],
    [{ Null: { 's3:prefix': 'false' } }, { 's3:prefix': '' }, true],
    [{ IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }, { 'aws:SourceIp': '10.1.2.3' }, true],
    [{ IpAddress: { 'aws:SourceIp': ['10.0.0.0/8', '::1'] } }, { 'aws:SourceIp': '::1' }, true],
    [{ IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }, { 'aws:SourceIp': '11.1.2.3' }, false],
    [{ IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }, { 'aws:SourceIp': 'none' }, false],
    [{ NotIpAddress: { 'aws:SourceIp': '10.0.0.0/8' } }, { 'aws:SourceIp': '10.1.2.3' }, false],
    [{ NotIpAddress: { 'aws:SourceIp': '2001:db8::/32' } }, { 'aws:SourceIp': '2001:db9::1' }, true],
  ])('%j of %j: %s', (condition, values, expected) => {
    expect(under(condition, values)).toBe(expected);
  });

  it('that were judged before neither deny again nor stand in the way', () => {
    const settled: ConditionValues = { get: () => judged };
    const continued = (statement: object) =>
      new Permissions([policyOf(allowAll, statement)], 'ann').allows('s3:PutObject', 'lake/x', settled);
    const only = (Condition: object) =>
      new Permissions([policyOf({ ...allowAll, Condition })], 'ann').allows(
        's3:PutObject',
        'lake/x',
        settled,
      );
    for (const Condition of [
      { StringEquals: { 's3:x-amz-acl': 'private' } },
      { Null: { 's3:x-amz-acl': true } },
    ]) {
      expect(only(Condition)).toBe(true);
      expect(continued({ ...allowAll, Effect: 'Deny', Condition })).toBe(true);
    }
  });

  it('must hold all, operators and keys alike', () => {
    const condition = {
      StringEquals: { 's3:prefix': 'a', 's3:delimiter': '/' },
      NumericLessThan: { 's3:max-keys': 5 },
    };
    const met = { 's3:prefix': 'a', 's3:delimiter': '/', 's3:max-keys': '4' };
    expect(under(condition, met)).toBe(true);
    for (const key of Object.keys(met)) expect(under(condition, { ...met, [key]: '9' })).toBe(false);
  });
});

describe('a policy that is not understood is refused, with its place', () => {
  const document = (statement: object) => ({ Version: '2012-10-17', Statement: [allowAll, statement] });
  const withCondition = (Condition: unknown) => document({ ...allowAll, Condition });

  it.each<[unknown, string]>([
    ['{', 'not JSON'],
    ['{"Version":"2012-10-17","Version":"2012-10-17"}', '"Version" stands twice'],
    ['{"Statement":[{"Condition":{"StringLike":{},"StringLike":{}}}]}', '"StringLike" stands twice'],
    [[], 'a policy is an object'],
    [{ Version: '2020-01-01', Statement: allowAll }, 'Version: allowed is "2012-10-17"'],
    [{ Version: '2012-10-17' }, 'Statement: there is none'],
    [{ Version: '2012-10-17', Statement: [] }, 'Statement: there is none'],
    [{ Statment: [] }, 'unknown element "Statment"; did you mean "Statement"?'],
    [document({ ...allowAll, Effect: 'allow' }), 'Statement[1]: Effect: "Allow" or "Deny" is expected'],
    [document({ ...allowAll, Principal: '*' }), 'Statement[1]: Principal: not allowed here'],
    [document({ ...allowAll, Sid: 'a b' }), 'Statement[1]: Sid: letters and digits are allowed'],
    [{ Statement: ['A', 'A'].map((Sid) => ({ ...allowAll, Sid })) }, 'Statement[1]: Sid "A" stands twice'],
    [document({ ...allowAll, Condtion: {} }), 'unknown element "Condtion"; did you mean "Condition"?'],
    [document({ Effect: 'Allow', Resource: '*' }), 'Statement[1]: Action or NotAction: one is needed'],
    [document({ ...allowAll, NotResource: '*' }), 'Resource or NotResource: one is needed'],
    [
      document({ ...allowAll, Action: ['s3:GetObject', 's3:GetObjcet'] }),
      'Statement[1]: Action[1]: unknown action "s3:GetObjcet"; did you mean "s3:GetObject"?',
    ],
    [document({ ...allowAll, Action: 's3:Frob*' }), 'Action: unknown action "s3:Frob*"'],
    [document({ ...allowAll, Action: 'ec2:*' }), 'Action: "ec2:*" is an action of another service'],
    [document({ ...allowAll, Action: [] }), 'Statement[1]: Action: the list is empty'],
    [document({ ...allowAll, Action: {} }), 'Action: a text or a list of texts is expected'],
    [document({ ...allowAll, Resource: 'lake/*' }), 'Statement[1]: Resource: "lake/*" is no resource'],
    [document({ ...allowAll, Resource: ['*', 'arn:aws:s3:::/x'] }), 'Resource[1]: "arn:aws:s3:::/x"'],
    [document({ ...allowAll, Resource: 'arn:aws:s3:::${aws:PrincipalTag/x}' }), 'is not available'],
    [
      { Statement: { ...allowAll, Resource: 'arn:aws:s3:::${aws:username}' } },
      'variables such as ${aws:username} need "Version": "2012-10-17"',
    ],
    [
      withCondition({ StringLikes: { 's3:prefix': 'a' } }),
      'Statement[1].Condition.StringLikes: s3:prefix: the operator "StringLikes" is not available; did you',
    ],
    [
      withCondition({ 'ForAnyValue:StringLike': { 's3:prefix': 'a' } }),
      'every condition key here has one value',
    ],
    [
      withCondition({ StringLike: { 's3:x-amz-copy-source': '/lake/*' } }),
      's3:x-amz-copy-source is bucket/key, without a slash before it',
    ],
    [withCondition({ DateLessThan: { 's3:prefix': 'a' } }), 'the operator "DateLessThan" is not available'],
    [withCondition({ constructor: { 's3:prefix': 'a' } }), 'the operator "constructor" is not available'],
    [withCondition({ StringLike: { 's3:prefx': 'a' } }), 'did you mean "s3:prefix"?'],
    [withCondition({ StringLike: { 's3:ExistingObjectTag/a': 'b' } }), 'tags of stored objects are not read'],
    [withCondition({ StringLike: { 's3:prefix': [] } }), 'the list is empty'],
    [withCondition({ StringLike: { 'aws:SourceIp': '10.*' } }), 'IpAddress, NotIpAddress and Null do'],
    [withCondition({ IpAddress: { 'aws:SourceIp': '10.0.0.0/33' } }), '"10.0.0.0/33" is neither'],
    [withCondition({ NumericEquals: { 's3:max-keys': 'x' } }), '"x" is not a number'],
    [withCondition({ Bool: { 'aws:SecureTransport': 'yes' } }), '"yes" is neither true nor false'],
    [withCondition({ Null: { 's3:prefix': ['true', 'false'] } }), 'Null takes one value'],
    [withCondition([]), 'Statement[1]: Condition: a condition is an object'],
    [
      { Version: '2012-10-17', Id: 'x'.repeat(policyBytesMax), Statement: allowAll },
      'at most 20480 are allowed',
    ],
  ])('%j', (policy, message) => {
    const text = typeof policy === 'string' ? policy : JSON.stringify(policy);
    expect(() => parsePolicy(text, 'p.json')).toThrow(message);
    expect(() => parsePolicy(text, 'p.json')).toThrow(/^p\.json: /);
  });
});

describe('grants', () => {
  const granted = (grant: string, action: string, resource: string, values?: Values) =>
    new Permissions([parsePolicy(grantPolicy(grant), grant)], 'ann').allows(
      `s3:${action}`,
      resource,
      valuesOf(values),
    );

  it('open what is below their path, and nothing beside it', () => {
    expect(granted('read:/lake/raw', 'GetObject', 'lake/raw/a/b')).toBe(true);
    expect(granted('read:/lake/raw', 'GetObject', 'lake/rawer')).toBe(false);
    expect(granted('read:/lake/raw', 'PutObject', 'lake/raw/a')).toBe(false);
    expect(granted('read:/lake/raw', 'ListBucket', 'lake', { 's3:prefix': 'raw/' })).toBe(true);
    expect(granted('read:/lake/raw', 'ListBucket', 'lake', { 's3:prefix': 'raw' })).toBe(false);
    expect(granted('read:/lake/raw', 'ListBucket', 'lake')).toBe(false);
    expect(granted('read:/lake', 'ListBucket', 'lake')).toBe(true);
    expect(granted('read:/lake', 'ListAllMyBuckets', '')).toBe(false);
    expect(granted('write:/lake/tmp/', 'PutObject', 'lake/tmp/x')).toBe(true);
    expect(granted('write:/lake/tmp/', 'GetObject', 'lake/tmp/x')).toBe(false);
    expect(granted('read', 'ListAllMyBuckets', '')).toBe(true);
    expect(granted('write', 'DeleteObject', 'any/x')).toBe(true);
  });

  it('take the characters of a path as they are', () => {
    expect(granted('read:/lake/a*?$', 'GetObject', 'lake/a*?$/x')).toBe(true);
    expect(granted('read:/lake/a*', 'GetObject', 'lake/ab/x')).toBe(false);
  });

  it.each(['readonly', 'read:lake', 'delete:/lake', ''])('refuse %j', (grant) => {
    expect(() => grantPolicy(grant)).toThrow('is no grant');
  });

  it('name only actions that there are', () => {
    expect(s3Actions).toHaveLength(new Set(s3Actions).size);
  });
});
