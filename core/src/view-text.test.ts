import { expect, it } from 'vitest';
import { recordBoxOf, wireBoxOf } from './cluster-secret.ts';
import { MountTable } from './mount.ts';
import { parseMount } from './mount-uri.ts';
import { viewOf } from './plain-view.ts';
import { grantPolicy } from './policy/grants.ts';
import { parsePolicy } from './policy/policy.ts';
import type { RegistryView } from './registry.ts';
import { User, UserTable } from './user.ts';
import { openedView, readView, ViewWriter, wireTextOf } from './view-text.ts';

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
const writer = new ViewWriter({ box, state: 's', root });
const text = writer.textOf(view);

it('a view is the same on the other side of its text', () => {
  const there = openedView(readView(text), box);
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
  expect(() => openedView(readView(text), recordBoxOf('a secret of at least 16 bytes'))).toThrow();
});

it('who has a view is told what has changed, and has the whole of the next one by that', () => {
  const { epoch } = view.membership!;
  const members = [...epoch.members, { ...member, nodeId: 'n2' }];
  const membership = { epoch: { ...epoch, number: 5, members }, settled: false };
  const pinned: RegistryView = { ...view, revision: 9, membership, settings: { logLevel: 'debug' } };
  const change = writer.textOf(pinned, view);
  for (const told of ['n2', 'debug']) expect(change).toContain(told);
  for (const known of ['"n1"', '/lake', 'ann']) expect(change).not.toContain(known);
  expect(readView(change, readView(text))).toEqual(readView(writer.textOf(pinned)));
  const settled = { ...pinned, revision: 10, membership: { ...membership, settled: true } };
  const news = writer.textOf(settled, pinned);
  expect(news).not.toContain('n2');
  // What lies in a file of the reader is a whole one again.
  const whole = readView(wireTextOf(readView(news, readView(writer.textOf(pinned)))));
  expect(openedView(whole, box).view.membership).toEqual(settled.membership);
});

it('what was taken away as a whole is told as a whole view', () => {
  const set: RegistryView = { ...view, revision: 8, settings: { logLevel: 'debug' } };
  const unset = writer.textOf({ ...view, revision: 9 }, set);
  expect(readView(unset).view).not.toHaveProperty('settings');
});

it('a change is not applied to another view than that which it changes', () => {
  const change = writer.textOf({ ...view, revision: 9 }, view);
  expect(() => readView(change)).toThrow('not known here');
  expect(() => readView(change, readView(writer.textOf({ ...view, revision: 8 })))).toThrow('not known here');
  const elsewhere = new ViewWriter({ box, state: 'another', root }).textOf(view);
  expect(() => readView(change, readView(elsewhere))).toThrow('not known here');
});
