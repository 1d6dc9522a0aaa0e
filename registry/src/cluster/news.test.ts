import { wireBoxOf } from '@forebay/core/cluster-secret';
import type { Epoch } from '@forebay/core/membership';
import { MountTable } from '@forebay/core/mount';
import type { RegistryView } from '@forebay/core/registry';
import { UserTable } from '@forebay/core/user';
import { readView, ViewWriter } from '@forebay/core/view-text';
import { expect, it } from 'vitest';
import { News } from './news.ts';

const box = wireBoxOf('a secret of at least 16 bytes');
const root = { accessKey: 'FBROOT', secretKey: 'root-secret-key' };

function epochOf(number: number): Epoch {
  const members = Array.from({ length: 400 }, (_, at) => ({
    ...{ nodeId: `node-${1000 + at}`, address: `10.0.0.${at}:9100`, weight: 400, state: 'active' as const },
    incarnation: at === 7 ? `life ${number}` : 'first life',
  }));
  return { number, registry: 'r', ring: 'rendezvous-1', segmentBytes: 1024, members };
}

function viewAt(revision: number): RegistryView {
  const none = { mounts: new MountTable([]), members: [], users: new UserTable([]), rules: [], pins: [] };
  return { ...none, revision, membership: { epoch: epochOf(revision), settled: true } };
}

const newsOf = () => new News(new ViewWriter({ box, state: 's', root }));

it('tells a change to who has one of the last views, and the whole view to all others', () => {
  const news = newsOf();
  const first = news.textOf(viewAt(1), undefined);
  expect(first.packed).toBeDefined();
  const second = news.textOf(viewAt(2), 1);
  expect(second.text.length).toBeLessThan(first.text.length / 50);
  expect(readView(second.text, readView(first.text)).view.membership).toEqual(viewAt(2).membership);
  for (const unknown of [undefined, 77]) {
    expect(readView(news.textOf(viewAt(2), unknown).text).view.membership).toEqual(viewAt(2).membership);
  }
  expect(news.textOf(viewAt(2), 1)).toBe(second);
});

it('keeps few views: who has an old one is told the whole', () => {
  const news = newsOf();
  for (let revision = 1; revision <= 100; revision += 1) news.textOf(viewAt(revision), revision - 1);
  expect(news.textOf(viewAt(100), 2).text).toContain('node-1399');
  expect(news.textOf(viewAt(100), 98).text).not.toContain('node-1399');
});

it('tells a node that renews the epoch by the one it has', () => {
  const news = newsOf();
  const [old, now] = [epochOf(3), epochOf(4)];
  const told = (epoch: Epoch, has: { registry: string | undefined; epoch: number }) =>
    news.membershipOf({ epoch, settled: false }, has).epoch;
  expect(told(old, { registry: undefined, epoch: 0 })).toBe(old);
  expect(told(old, { registry: 'r', epoch: 3 })).toBe('yours');
  expect(told(now, { registry: 'r', epoch: 3 })).toMatchObject({
    after: 3,
    changed: [{ nodeId: 'node-1007' }],
  });
  // Of the same number, by a registry that has lost its state.
  expect(told(now, { registry: 'another', epoch: 3 })).toBe(now);
});
