import { randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { createLog, silentLog } from '@forebay/core/log';
import { grantPolicy } from '@forebay/core/policy/grants';
import { parsePolicy } from '@forebay/core/policy/policy';
import { SecretBox } from '@forebay/core/secret-box';
import { User, usersMax } from '@forebay/core/user';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openState, type State } from './state-store.ts';
import { UserRecords } from './user-records.ts';

let directory: string;
let secrets: SecretBox;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'forebay-users-'));
  secrets = new SecretBox(randomBytes(32));
});
afterEach(() => rmSync(directory, { recursive: true }));

function userOf(name: string, more: { accessKey?: string; secretKey?: string } = {}): User {
  return new User({
    name,
    accessKey: `KEY-${name}`,
    secretKey: `secret-of-${name}`,
    policies: [parsePolicy(grantPolicy('read:/lake'), 'policy')],
    createdAtMs: 7,
    ...more,
  });
}

async function withRecords<T>(
  users: readonly User[],
  use: (records: UserRecords, state: State) => Promise<T> | T,
): Promise<T> {
  const state = openState(join(directory, 'registry.sqlite'));
  try {
    return await use(await UserRecords.open({ state, log: silentLog, secrets, users }), state);
  } finally {
    await state.disconnect();
  }
}
const namesOf = (records: UserRecords) => records.all().map(({ name }) => name);

describe('users of the registry', () => {
  it('are back after a restart, with their keys and policies', async () => {
    await withRecords([], (records) => records.add(userOf('ann')));
    await withRecords([], (records) => {
      const [ann] = records.all();
      expect(ann).toMatchObject({ name: 'ann', accessKey: 'KEY-ann', secretKey: 'secret-of-ann' });
      expect(ann!.createdAtMs).toBe(7);
      expect(ann!.permissions.allows('s3:GetObject', 'lake/x', { get: () => undefined })).toBe(true);
      expect(records.originOf('ann')).toBe('runtime');
    });
  });

  it('leave no secret on disk that reads as it is', async () => {
    await withRecords([], async (records) => {
      await records.add(userOf('ann'));
      for (const name of readdirSync(directory)) {
        const text = readFileSync(join(directory, name), 'latin1');
        expect(text).not.toContain('secret-of-ann');
        expect(text).not.toContain(Buffer.from('secret-of-ann').toString('base64').slice(0, 16));
      }
    });
  });

  it('are gone for good once they are removed', async () => {
    await withRecords([], async (records, state) => {
      await records.add(userOf('ann'));
      await records.remove('ann');
      expect(namesOf(records)).toEqual([]);
      expect(await state.get('user/ann')).toBeUndefined();
      await expect(records.remove('ann')).rejects.toThrow('there is no user ann');
    });
    await withRecords([], (records) => expect(namesOf(records)).toEqual([]));
  });

  it('share neither name nor access key', async () => {
    await withRecords([userOf('start')], async (records) => {
      await records.add(userOf('ann'));
      await expect(records.add(userOf('ann', { accessKey: 'OTHER' }))).rejects.toThrow('a user ann already');
      await expect(records.add(userOf('bob', { accessKey: 'KEY-start' }))).rejects.toThrow(
        'the access key KEY-start is that of the user start',
      );
    });
  });

  it('give way to the config file, and come back without it', async () => {
    await withRecords([], (records) => records.add(userOf('ann')));
    await withRecords([userOf('ann', { secretKey: 'of-the-file' })], (records) => {
      expect(records.all()[0]!.secretKey).toBe('of-the-file');
      expect(records.originOf('ann')).toBe('start');
    });
    await withRecords([], (records) => expect(records.all()[0]!.secretKey).toBe('secret-of-ann'));
  });

  it('are left out, and kept, where their record cannot be read as it must', async () => {
    await withRecords([], async (records, state) => {
      await records.add(userOf('ann'));
      await records.add(userOf('bob'));
      const bob = await state.get<object>('user/bob');
      await state.set('user/bob', { ...bob, policies: ['{"Statement": [{"Effect": "Maybe"}]}'] });
    });
    await withRecords([], (records) => expect(namesOf(records)).toEqual(['ann']));
    secrets = new SecretBox(randomBytes(32));
    await withRecords([], async (records, state) => {
      expect(namesOf(records)).toEqual([]);
      expect(await state.get('users')).toEqual(['ann', 'bob']);
    });
  });

  it('are bounded in number', async () => {
    const many = Array.from({ length: usersMax }, (_, index) => userOf(`u${index}`));
    await withRecords(many, async (records) => {
      await expect(records.add(userOf('ann'))).rejects.toThrow(`there are ${usersMax} users`);
    });
  });
});

it('a user shows its secret key in no log line and no JSON', () => {
  const path = join(directory, 'log');
  const ann = userOf('ann');
  const destination = openSync(path, 'w');
  createLog({ level: 'info', destination }).info({ user: ann, copied: { ...ann } }, inspect(ann));
  closeSync(destination);
  const shown = readFileSync(path, 'utf8') + JSON.stringify(ann);
  expect(shown).toContain('KEY-ann');
  expect(shown).not.toContain('secret-of-ann');
});

describe('a user is refused', () => {
  const policies = Array.from({ length: 11 }, () => parsePolicy(grantPolicy('read'), 'policy'));
  it.each([
    [{ name: '' }, 'a name has 1 to 64'],
    [{ name: 'a*' }, 'a name has 1 to 64'],
    [{ name: 'a/b' }, 'a name has 1 to 64'],
    [{ name: 'root' }, 'that is the root user'],
    [{ accessKey: 'a/b' }, 'an access key has 3 to 128'],
    [{ secretKey: 'short' }, 'a secret key has 8 to 256'],
    [{ policies }, 'at most 10 policies'],
  ])('%#: %s', (part, message) => {
    const whole = { name: 'ann', accessKey: 'KEY', secretKey: 'secret-key', policies: [], createdAtMs: 0 };
    expect(() => new User({ ...whole, ...part })).toThrow(message);
  });
});
