import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadServeConfig } from './serve-config.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'forebay-config-users-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

function usersOf(yaml: string, env: NodeJS.ProcessEnv = {}) {
  const config = join(directory, 'forebay.yaml');
  writeFileSync(config, yaml);
  const flags = { config, dataDir: join(directory, 'data') };
  return loadServeConfig({ flags, env, nowMs: 5 }).users;
}

const policy = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}';
const nothing = { get: () => undefined };

describe('users of a config file', () => {
  it('take secrets and policies from where the file says', () => {
    writeFileSync(join(directory, 'bob.secret'), 'secret-of-bob\n');
    writeFileSync(join(directory, 'bob.json'), policy);
    const [ann, bob] = usersOf(
      `
users:
  - name: ann
    accessKey: ANNKEY
    secretKey: env:ANN_SECRET
    allow: [read:/lake]
  - name: bob
    accessKey: BOBKEY
    secretKey: file:bob.secret
    policies:
      - bob.json
      - Version: 2012-10-17
        Statement:
          - Effect: Deny
            Action: s3:GetObject
            Resource: arn:aws:s3:::lake/secret/*
            Condition: { NotIpAddress: { aws:SourceIp: [10.0.0.0/8] } }
`,
      { ANN_SECRET: 'secret-of-ann' },
    );
    expect(ann).toMatchObject({
      name: 'ann',
      accessKey: 'ANNKEY',
      secretKey: 'secret-of-ann',
      createdAtMs: 5,
    });
    expect(ann!.permissions.allows('s3:GetObject', 'lake/x', nothing)).toBe(true);
    expect(ann!.permissions.allows('s3:PutObject', 'lake/x', nothing)).toBe(false);
    expect(bob!.secretKey).toBe('secret-of-bob');
    expect(bob!.permissions.allows('s3:GetObject', 'lake/x', nothing)).toBe(true);
    expect(bob!.permissions.allows('s3:GetObject', 'lake/secret/x', nothing)).toBe(false);
  });

  it('may be none', () => {
    expect(usersOf('users:\n')).toEqual([]);
    expect(usersOf('port: 0\n')).toEqual([]);
  });

  const entry = (...lines: string[]) =>
    `users:\n  - name: ann\n    accessKey: ANNKEY\n${lines.map((line) => `    ${line}\n`).join('')}`;

  it.each([
    ['users: ann', 'forebay.yaml line 1: users: expected a list'],
    ['users: [ann]', 'forebay.yaml line 1: users: an entry is { name'],
    [entry(), 'forebay.yaml line 2: users: a user needs secretKey'],
    [entry('secretKey: my-plain-secret'), 'write env:NAME or file:PATH, not the secret itself'],
    [entry('secretKey: env:ANN_SECRET'), 'the variable ANN_SECRET is not set'],
    [entry('secretKey: file:none'), 'cannot read'],
    [entry('secretKey: env:SET', 'polices: []'), 'unknown key "polices"; did you mean "policies"?'],
    [entry('secretKey: env:SET', 'policies: [none.json]'), 'cannot read'],
    [entry('secretKey: env:SET', 'allow: [all]'), '"all" is no grant'],
    [
      entry('secretKey: env:SET', 'policies: [{ Version: 2012-10-17, Statement: [{ Effect: Alow }] }]'),
      'forebay.yaml line 2: policies[0]: Statement[0]: Effect',
    ],
    [
      entry('secretKey: env:SET', 'policies: [{ Version: 2012-10-17, Version: 2012-10-17 }]'),
      'forebay.yaml line 5',
    ],
    [
      `${entry('secretKey: env:SET')}  - { name: bob, accessKey: ANNKEY, secretKey: env:SET }\n`,
      'forebay.yaml line 5: the access key ANNKEY stands twice',
    ],
  ])('%#: refuse %j', (yaml, message) => {
    expect(() => usersOf(yaml, { SET: 'a-long-secret' })).toThrow(message);
  });

  it('never tell a secret in an error', () => {
    const yaml = entry('secretKey: my-plain-secret');
    expect(() => usersOf(yaml)).toThrow(/^(?!.*my-plain-secret)/s);
  });
});
