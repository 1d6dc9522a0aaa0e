/**
 * The suite that every Ufs driver passes. A driver's test calls `ufsContract` and adds only what is special
 * to it:
 *   ufsContract('file', async () => ({ ufs: await openFileUfs({ directory }), close: async () => {...} }));
 * The store is opened once; every test keeps to keys of its own, so it may hold other objects.
 */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe } from 'vitest';
import { describeCopies } from './contract/copies.ts';
import { describeForwards } from './contract/forwards.ts';
import { describeKeys } from './contract/keys.ts';
import { describeListModel } from './contract/list-model.ts';
import { describeLists } from './contract/lists.ts';
import { describeMultipart } from './contract/multipart.ts';
import { describeReads } from './contract/reads.ts';
import { allCapabilities, type Subject, type UfsCapabilities } from './contract/support.ts';
import { describeUploads } from './contract/uploads.ts';
import { describeVersions } from './contract/versions.ts';
import { describeWrites } from './contract/writes.ts';
import type { Ufs } from './ufs.ts';

export type OpenUfs = () => Promise<{ ufs: Ufs; close(): Promise<void> }>;

export function ufsContract(name: string, open: OpenUfs, capabilities: Partial<UfsCapabilities> = {}): void {
  const all = { ...allCapabilities, ...capabilities };
  const run = randomBytes(4).toString('hex');
  let opened: { ufs: Ufs; close(): Promise<void> } | undefined;
  let count = 0;
  const subject = (): Subject => {
    count += 1;
    return { ufs: opened!.ufs, scope: `contract-${run}/${count}/`, capabilities: all };
  };
  describe(`ufs contract: ${name}`, () => {
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(async () => {
      await opened?.close();
    });
    describe('reads', () => describeReads(subject));
    describe('writes', () => describeWrites(subject, all));
    describe('copies', () => describeCopies(subject, all));
    describe('forwarded requests', () => describeForwards(subject, all));
    describe('keys', () => describeKeys(subject, all));
    describe('lists', () => describeLists(subject, all));
    describe('versions', () => describeVersions(subject));
    if (all.listModelRuns > 0) {
      describe('lists, compared with a model', () => describeListModel(subject, all));
    }
    describe('multipart', () => describeMultipart(subject, all));
    describe('uploads in progress', () => describeUploads(subject, all));
  });
}
