import { describe, expect, it } from 'vitest';
import { CachePolicies } from './cache-policy.ts';
import { parseRule } from './cache-rules.ts';
import { MountTable } from './mount.ts';
import { parseMount } from './mount-uri.ts';
import { plainViewOf, viewOf } from './plain-view.ts';
import { parsePolicy } from './policy/policy.ts';
import type { RegistryView } from './registry.ts';
import { User, UserTable } from './user.ts';

const statement = { Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::lake/*' };
const policy = parsePolicy(JSON.stringify({ Version: '2012-10-17', Statement: [statement] }), 'a test');

function viewWith(names: readonly string[], mounts = ['/lake', '/{bucket}']): RegistryView {
  const uriOf = (path: string) =>
    path === '/{bucket}' ? 's3://{bucket}' : `s3://${path.slice(1)}?quota=1GiB`;
  return {
    revision: 3,
    mounts: new MountTable(
      mounts.map((path) =>
        parseMount({ path, uri: uriOf(path) }, { pageSizeBytes: 1 << 20, createdAtMs: 5 }),
      ),
    ),
    members: [{ nodeId: 'n', role: 'serve', address: '127.0.0.1:9000', startedAtMs: 1 }],
    users: new UserTable(
      names.map((name) => {
        const secretKey = `secret-of-${name}-0123456789`;
        return new User({ name, accessKey: `KEY${name}`, secretKey, policies: [policy], createdAtMs: 2 });
      }),
    ),
    rules: [parseRule({ prefix: 's3://lake/hot/?priority=high', where: 'a test' })],
    pins: [],
  };
}

/** As it is sent. */
const sent = (view: RegistryView) => structuredClone(plainViewOf(view));

describe('a view as plain values', () => {
  it('is the same view on the other side', () => {
    const view = viewWith(['ann', 'bob']);
    const there = viewOf(sent(view), undefined);
    expect(there.mounts.mounts).toEqual(view.mounts.mounts);
    expect(there.members).toEqual(view.members);
    const [ann] = there.users.users;
    expect(ann).toMatchObject({ name: 'ann', accessKey: 'KEYann', secretKey: 'secret-of-ann-0123456789' });
    expect(ann!.policies[0]!.text).toBe(policy.text);
    const [mount] = there.mounts.mounts;
    expect(new CachePolicies(there).policyOf(mount!, 'hot/x').priority).toBe('high');
  });

  it('keeps the objects of what did not change', () => {
    const first = viewOf(sent(viewWith(['ann', 'bob'])), undefined);
    const next = viewOf(sent(viewWith(['bob', 'cat'], ['/lake', '/other', '/{bucket}'])), first);
    expect(next.mounts.resolve('lake', 'k')!.mount).toBe(first.mounts.resolve('lake', 'k')!.mount);
    expect(next.users.byAccessKey('KEYbob')).toBe(first.users.byAccessKey('KEYbob'));
    expect(next.users.byAccessKey('KEYann')).toBeUndefined();
    expect(viewOf(sent(viewWith(['bob', 'cat'], ['/lake', '/other', '/{bucket}'])), next).mounts).toBe(
      next.mounts,
    );
  });
});
