/** Every operation of the table: let in with exactly its actions, and refused without any one of them. */
import { AddressRanges } from '@forebay/core/address-ranges';
import { type S3Action, s3Actions } from '@forebay/core/policy/actions';
import { Permissions } from '@forebay/core/policy/permissions';
import { parsePolicy } from '@forebay/core/policy/policy';
import { describe, expect, it } from 'vitest';
import { staticRegistry } from '../testing/test-gateway.ts';
import { testMount } from '../testing/test-mount.ts';
import { ForwardedOrigin } from './auth/client-origin.ts';
import { authorise, mayDelete } from './authorise.ts';
import { S3Error } from './errors.ts';
import { RawHeaders } from './headers.ts';
import type { Operation } from './operation.ts';
import { actionNeedsOf } from './operation-actions.ts';
import { operationTable } from './operation-table.ts';
import { noBody } from './payload/request-body.ts';
import { parseTarget } from './raw-target.ts';
import type { Principal, S3Request } from './types.ts';

const registry = staticRegistry([testMount({ bucket: 'lake' })]);
const paths = { service: '/', bucket: '/lake', object: '/lake/a/key' } as const;

function permissionsFor(...actions: readonly S3Action[]): Permissions {
  const Statement = [
    { Effect: 'Allow', Action: actions, Resource: '*' },
    // What else is allowed must not help: everything, but of other buckets.
    { Effect: 'Allow', Action: '*', Resource: ['arn:aws:s3:::other', 'arn:aws:s3:::other/*'] },
  ];
  const text = JSON.stringify({ Version: '2012-10-17', Statement });
  return new Permissions(actions.length === 0 ? [] : [parsePolicy(text, 'policy')], 'ann');
}

interface Asked {
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly permissions: Permissions | 'anonymous';
  /** Undefined: the connection is closed. */
  readonly peer?: string | undefined;
}

function requestOf(operation: Operation, asked: Asked): S3Request {
  const { query, headers = {}, permissions } = asked;
  const peer = 'peer' in asked ? asked.peer : '127.0.0.1';
  const given = [...(operation.query ?? []), ...(query === undefined ? [] : [query])].join('&');
  const copied = operation.headers ? { 'x-amz-copy-source': '/other/source' } : {};
  const raw = new RawHeaders(Object.entries({ Host: 'h', ...copied, ...headers }).flat());
  const target = parseTarget(`${paths[operation.target]}${given && `?${given}`}`, 'h', []);
  const principal: Principal =
    permissions === 'anonymous'
      ? { kind: 'anonymous' }
      : { kind: 'user', name: 'ann', accessKey: 'KEY', permissions };
  return {
    id: 'id',
    method: operation.method,
    bucket: target.bucket,
    key: operation.name === 'PostObject' ? 'a/key' : target.key,
    query: target.query,
    headers: raw,
    host: 'h',
    virtualHost: false,
    principal,
    client: new ForwardedOrigin(raw, peer, new AddressRanges([])),
    body: noBody,
    signal: AbortSignal.timeout(60_000),
  };
}

function isLetIn(operation: Operation, asked: Asked): boolean {
  try {
    authorise(registry, operation, requestOf(operation, asked));
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(S3Error);
    expect((error as S3Error).code).toBe('AccessDenied');
    return false;
  }
}

/** Headers that ask for something beside the operation. */
const namesOf = [
  'x-amz-acl',
  'x-amz-tagging',
  'x-amz-object-lock-mode',
  'x-amz-object-lock-legal-hold',
  'x-amz-bucket-object-lock-enabled',
  'x-amz-object-ownership',
  'x-amz-bypass-governance-retention',
];

const operations = operationTable.filter(({ name }) => name !== 'DeleteObjects');
const without = (action: S3Action) => s3Actions.filter((other) => other !== action);

describe.each(operations.map((operation) => [operation.name, operation] as const))(
  '%s',
  (name, operation) => {
    const { plain, versioned, headers } = actionNeedsOf(name);

    it('needs each of its actions, and no other', () => {
      expect(isLetIn(operation, { permissions: permissionsFor(...plain) })).toBe(true);
      for (const action of plain) {
        expect(isLetIn(operation, { permissions: permissionsFor(...without(action)) }), action).toBe(false);
      }
      expect(isLetIn(operation, { permissions: permissionsFor() })).toBe(false);
    });

    it('needs those of a version where the request names one', () => {
      const query = 'versionId=v1';
      expect(isLetIn(operation, { query, permissions: permissionsFor(...versioned) })).toBe(true);
      for (const action of versioned) {
        expect(isLetIn(operation, { query, permissions: permissionsFor(...without(action)) })).toBe(false);
      }
    });

    it('needs those of its headers too', () => {
      for (const [pattern, ...actions] of headers) {
        const header = namesOf.find((candidate) => pattern.test(candidate))!;
        const asked = { headers: { [header]: 'x' } };
        expect(isLetIn(operation, { ...asked, permissions: permissionsFor(...plain, ...actions) })).toBe(
          true,
        );
        for (const action of actions) {
          expect(isLetIn(operation, { ...asked, permissions: permissionsFor(...without(action)) })).toBe(
            false,
          );
        }
      }
    });

    it('is closed to anonymous callers where the mount is', () => {
      expect(isLetIn(operation, { permissions: 'anonymous' })).toBe(false);
    });
  },
);

it('lets nobody select from an older version who may read the newest alone', () => {
  const operation = operationTable.find(({ name }) => name === 'SelectObjectContent')!;
  const permissions = permissionsFor('s3:GetObject');
  expect(isLetIn(operation, { permissions })).toBe(true);
  expect(isLetIn(operation, { permissions, query: 'versionId=v1' })).toBe(false);
});

describe('DeleteObjects', () => {
  const operation = operationTable.find(({ name }) => name === 'DeleteObjects')!;
  const may = (permissions: Asked['permissions'], versionId?: string, headers = {}) =>
    mayDelete(requestOf(operation, { permissions, headers }), { key: 'a', versionId });

  it('asks for each key, and for each version', () => {
    expect(may(permissionsFor('s3:DeleteObject'))).toBe(true);
    expect(may(permissionsFor('s3:DeleteObject'), 'v1')).toBe(false);
    expect(may(permissionsFor('s3:DeleteObjectVersion'), 'v1')).toBe(true);
    expect(may(permissionsFor(...without('s3:DeleteObject')))).toBe(false);
    expect(may('anonymous')).toBe(false);
  });

  it('asks for the right to bypass retention where the request wants to', () => {
    const headers = { 'x-amz-bypass-governance-retention': 'true' };
    expect(may(permissionsFor('s3:DeleteObject'), undefined, headers)).toBe(false);
    const both = permissionsFor('s3:DeleteObject', 's3:BypassGovernanceRetention');
    expect(may(both, undefined, headers)).toBe(true);
  });
});

const operationOf = (name: string) => operationTable.find((operation) => operation.name === name)!;

/** Everything under the condition, or everything but under the condition. */
function under(Effect: 'Allow' | 'Deny', Condition: object): Permissions {
  const all = { Effect: 'Allow', Action: 's3:*', Resource: '*' };
  const Statement = Effect === 'Deny' ? [all, { ...all, Effect, Condition }] : [{ ...all, Condition }];
  return new Permissions([parsePolicy(JSON.stringify({ Statement }), 'policy')], 'ann');
}

describe('a condition on the request as such', () => {
  const conditions: [object, Record<string, string>][] = [
    [{ StringLike: { 'aws:UserAgent': 'bad/*' } }, { 'user-agent': 'bad/1' }],
    [{ StringEquals: { 'aws:Referer': 'r' } }, { referer: 'r' }],
    [{ StringEquals: { 's3:x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } }, {}],
  ];

  it.each(conditions)('holds for each key of a list: %j', (condition, headers) => {
    const may = (effect: 'Allow' | 'Deny') =>
      mayDelete(requestOf(operationOf('DeleteObjects'), { headers, permissions: under(effect, condition) }), {
        key: 'a',
      });
    expect([may('Allow'), may('Deny')]).toEqual([true, false]);
  });

  it.each(conditions)('holds for the source of a copy: %j', (condition, headers) => {
    const permissions = (Effect: 'Allow' | 'Deny') => {
      const all = { Effect: 'Allow', Action: 's3:*', Resource: '*' };
      const source = { Effect, Action: 's3:GetObject', Resource: '*', Condition: condition };
      const Statement = Effect === 'Deny' ? [all, source] : [{ ...all, Action: 's3:PutObject' }, source];
      return new Permissions([parsePolicy(JSON.stringify({ Statement }), 'policy')], 'ann');
    };
    const copy = operationOf('CopyObject');
    expect(isLetIn(copy, { headers, permissions: permissions('Allow') })).toBe(true);
    expect(isLetIn(copy, { headers, permissions: permissions('Deny') })).toBe(false);
  });

  it('on what is signed of a body holds for links, which cannot sign any', () => {
    const permissions = under('Deny', { StringEquals: { 's3:x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } });
    expect(isLetIn(operationOf('PutObject'), { permissions })).toBe(false);
    const headers = { 'x-amz-content-sha256': 'a'.repeat(64) };
    expect(isLetIn(operationOf('PutObject'), { headers, permissions })).toBe(true);
  });
});

describe('a condition on what is not known of a request', () => {
  const both = (name: string, Condition: object, more: Partial<Asked> = {}) =>
    (['Allow', 'Deny'] as const).map((effect) =>
      isLetIn(operationOf(name), { permissions: under(effect, Condition), ...more }),
    );

  it('does not allow, and denies: a closed connection has no address', () => {
    const gone = { peer: undefined };
    for (const operator of ['IpAddress', 'NotIpAddress', 'IpAddressIfExists']) {
      const condition = { [operator]: { 'aws:SourceIp': '192.0.2.0/24' } };
      expect(both('DeleteObject', condition, gone), operator).toEqual([false, false]);
    }
    expect(both('DeleteObject', { IpAddress: { 'aws:SourceIp': '127.0.0.1' } })).toEqual([true, false]);
  });

  it('does not allow, and denies: what stands in the body', () => {
    const mode = { StringEquals: { 's3:object-lock-mode': 'COMPLIANCE' } };
    expect(both('PutObjectRetention', mode)).toEqual([false, false]);
    expect(both('PutObject', mode, { headers: { 'x-amz-object-lock-mode': 'GOVERNANCE' } })).toEqual([
      false,
      true,
    ]);
    const hold = { StringNotEquals: { 's3:object-lock-legal-hold': 'OFF' } };
    expect(both('PutObjectLegalHold', hold)).toEqual([false, false]);
    const writer = { StringEquals: { 's3:x-amz-object-ownership': 'ObjectWriter' } };
    expect(both('PutBucketOwnershipControls', writer)).toEqual([false, false]);
    expect(both('GetObject', hold)).toEqual([true, false]);
  });
});
