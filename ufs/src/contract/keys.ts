/** Any key (DESIGN P9): each of these is an object of its own, apart from all others. */
import { headerValue } from '@forebay/core/object';
import { expect, it } from 'vitest';
import { expectAbsent, putObject, type Subject, textAt, type UfsCapabilities } from './support.ts';

const plainKeys = [
  'with space',
  'plus+and%20percent%',
  'question?mark=1&more#hash',
  'quotes"\'`',
  'back\\slash',
  'semi;colon:comma,at@',
  'ünïcödé/日本語',
  'astral-\u{1F600}-\uFFFD',
  'combining-e\u0301',
  'brackets[](){}<>',
  '*wild*',
  '~tilde',
  '-dash',
  '.hidden/.file',
  '...',
];

const oddKeys = [
  'folder/',
  'double//slash',
  'triple///',
  '//two-ahead',
  '.',
  '..',
  'a/../b',
  './c',
  'd/.',
  '../../escape',
  `${'segment'.repeat(60)}`,
  'control\u0001\u001fchars',
  'line\nbreak',
];

export function describeKeys(subject: () => Subject, { anyKey }: UfsCapabilities): void {
  it('holds keys of every shape side by side', async () => {
    const { ufs, scope } = subject();
    const keys = [...plainKeys, ...(anyKey ? oddKeys : [])].map((key) => scope + key);
    for (const key of keys)
      await putObject(ufs, key, `content of ${key}`, [['x-amz-meta-n', String(key.length)]]);
    for (const key of keys) {
      expect(await textAt(ufs, key)).toBe(`content of ${key}`);
      expect(headerValue((await ufs.head(key)).headers, 'x-amz-meta-n')).toBe(String(key.length));
    }
    const { entries } = await ufs.list({ prefix: scope, maxKeys: 1000 });
    const sorted = [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect(entries.map(({ key }) => key)).toEqual(sorted);
    for (const key of keys) await ufs.delete(key, { headers: [] });
    for (const key of keys) await expectAbsent(ufs, key);
    expect((await ufs.list({ prefix: scope, maxKeys: 1000 })).entries).toEqual([]);
  });
  if (anyKey) describeOddKeys(subject);
}

function describeOddKeys(subject: () => Subject): void {
  it('holds a key beside keys below it, whichever came first', async () => {
    const { ufs, scope } = subject();
    const keys = ['a', 'a/b', 'a/b/c', 'a/', 'z/y/x', 'z/y', 'z', 'z/'].map((name) => scope + name);
    for (const key of keys) await putObject(ufs, key, key);
    for (const key of keys) expect(await textAt(ufs, key)).toBe(key);
    const { entries } = await ufs.list({ prefix: scope, maxKeys: 100 });
    expect(entries.map(({ key }) => key)).toEqual([...keys].sort());
    for (const key of keys) await putObject(ufs, key, `${key}, again`);
    await ufs.delete(`${scope}a`, { headers: [] });
    await expectAbsent(ufs, `${scope}a`);
    expect(await textAt(ufs, `${scope}a/b`)).toBe(`${scope}a/b, again`);
    await ufs.delete(`${scope}z/y/x`, { headers: [] });
    expect(await textAt(ufs, `${scope}z/y`)).toBe(`${scope}z/y, again`);
  });

  it('gives the newest bytes when a key stops or starts to stand in the way of others', async () => {
    const { ufs, scope } = subject();
    const key = `${scope}way/below`;
    await putObject(ufs, `${scope}way`, 'in the way');
    await putObject(ufs, key, 'first');
    await ufs.delete(`${scope}way`, { headers: [] });
    expect(await textAt(ufs, key)).toBe('first');
    await putObject(ufs, key, 'second');
    expect(await textAt(ufs, key)).toBe('second');
    expect((await ufs.list({ prefix: scope, maxKeys: 9 })).entries.map((entry) => entry.key)).toEqual([key]);
    await ufs.delete(key, { headers: [] });
    await expectAbsent(ufs, key);
  });

  it('holds keys of 1,024 bytes, with and without slashes, and keys that begin with one', async () => {
    const { ufs, scope } = subject();
    const long = `${scope}${'é'.repeat(600)}`.slice(0, scope.length + Math.floor((1024 - scope.length) / 2));
    const deep = `${scope}${'d/'.repeat(600)}`.slice(0, 1023);
    const keys = [long, `${deep}x`.slice(0, 1024), `/${scope}lead`, `.forebay/${scope}hidden`];
    for (const key of keys) await putObject(ufs, key, key);
    for (const key of keys) expect(await textAt(ufs, key)).toBe(key);
    for (const key of keys) await ufs.delete(key, { headers: [] });
    for (const key of keys) await expectAbsent(ufs, key);
  });
}
