import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type DataDir,
  dataDirAt,
  lockDataDir,
  makeRootCredentials,
  readRootCredentials,
  sealKeyIn,
} from './data-dir.ts';

let parent: string;
let dataDir: DataDir;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'forebay-data-'));
  dataDir = dataDirAt(join(parent, 'deep', 'data'));
});
afterEach(() => rmSync(parent, { recursive: true }));
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

describe('data directory', () => {
  it('is made for its owner alone', () => {
    lockDataDir(dataDir)();
    expect(modeOf(dataDir.path)).toBe('700');
  });

  it('has one holder at a time, and says who that is', () => {
    const release = lockDataDir(dataDir);
    expect(() => lockDataDir(dataDir)).toThrow(
      `${dataDir.path} is in use by process ${process.pid}; choose another with --data-dir`,
    );
    release();
    lockDataDir(dataDir)();
  });

  it('says so where it cannot be made', () => {
    writeFileSync(join(parent, 'deep'), 'a file');
    expect(() => lockDataDir(dataDir)).toThrow(`cannot make the data directory ${dataDir.path}`);
  });

  it('keeps a new root key pair for its owner alone', () => {
    lockDataDir(dataDir)();
    expect(readRootCredentials(dataDir)).toBeUndefined();
    const made = makeRootCredentials(dataDir);
    expect(made.accessKey).toMatch(/^FB[0-9A-F]{18}$/);
    expect(made.secretKey).toMatch(/^[A-Za-z0-9]{40}$/);
    expect(readRootCredentials(dataDir)).toEqual(made);
    expect(modeOf(dataDir.credentialsPath)).toBe('600');
  });

  it('keeps a key that seals secrets for its owner alone, and makes no second one', () => {
    lockDataDir(dataDir)();
    const key = sealKeyIn(dataDir);
    expect(key).toHaveLength(32);
    expect(Buffer.from(sealKeyIn(dataDir))).toEqual(Buffer.from(key));
    expect(modeOf(dataDir.sealKeyPath)).toBe('600');
    writeFileSync(dataDir.sealKeyPath, 'abcd');
    expect(() => sealKeyIn(dataDir)).toThrow('seal.key is damaged');
  });

  it('never takes a damaged pair for none', () => {
    lockDataDir(dataDir)();
    for (const text of ['', '{', '{"accessKey": "a"}', 'null']) {
      writeFileSync(dataDir.credentialsPath, text);
      expect(() => readRootCredentials(dataDir)).toThrow('root-credentials.json is damaged');
    }
  });
});
