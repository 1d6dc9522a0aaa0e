import { expect, it } from 'vitest';
import { recordBoxOf, wireBoxOf } from './cluster-secret.ts';
import { MountTable } from './mount.ts';
import { parseMount } from './mount-uri.ts';
import { viewOf } from './plain-view.ts';
import { grantPolicy } from './policy/grants.ts';
import { parsePolicy } from './policy/policy.ts';
import type { RegistryView } from './registry.ts';
import { User, UserTable } from './user.ts';
import { readView, ViewWriter } from './view-text.ts';

const box = wireBoxOf('a secret of at least 16 bytes');
const root = { accessKey: 'FBROOT', secretKey: 'root-secret-key' };
const policies = [parsePolicy(grantPolicy('read:/lake'), 'a test')];
const ann = { name: 'ann', accessKey: 'KEYANN', secretKey: 'secret-of-ann', policies, createdAtMs: 1 };
const member = { nodeId: 'n1', address: 'n1:9100', weight: 3, incarnation: 'i', state: 'active' } as const;
const view: RegistryView = {
  revision: 7,
  mounts: new MountTable([parseMount('/lake=s3://lake', { pageSizeBytes: 1 << 20, createdAtMs: 5 })]),
  members: [],
  users: new UserTable([new User(ann)]),
  rules: [],
  pins: [],
  membership: {
    epoch: { number: 4, registry: 'r', ring: 'rendezvous-1', segmentBytes: 64, members: [member] },
    settled: true,
  },
};
const text = new ViewWriter({ box, state: 's', root }).textOf(view);

it('a view is the same on the other side of its text', () => {
  const there = readView(text, box);
  expect(there).toMatchObject({ state: 's', root });
  const { users, mounts, membership, revision } = viewOf(there.view, undefined);
  expect(revision).toBe(7);
  expect(mounts.mounts).toEqual(view.mounts.mounts);
  expect(mounts.mounts[0]!.amplificationMax).toBe(view.mounts.mounts[0]!.amplificationMax);
  expect(users.byAccessKey('KEYANN')).toMatchObject({ name: 'ann', secretKey: 'secret-of-ann' });
  expect(membership).toEqual(view.membership);
});

it('the text of a view holds no secret key as it is, and is not read with another key', () => {
  for (const secret of ['secret-of-ann', 'root-secret-key']) {
    expect(text).not.toContain(secret);
    expect(text).not.toContain(Buffer.from(secret).toString('base64').slice(0, 12));
  }
  expect(() => readView(text, recordBoxOf('a secret of at least 16 bytes'))).toThrow();
});
