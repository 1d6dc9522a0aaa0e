import { expect, it } from 'vitest';
import { type ParquetRow, parquetLines, type ScanFigures } from './parquet-figures.ts';

const mebibyte = 1024 * 1024;

function scan(ufsMiB: number, countedUfsMiB = ufsMiB): ScanFigures {
  const [ufsBytes, countedUfsBytes] = [ufsMiB * mebibyte, countedUfsMiB * mebibyte];
  const served = { servedBytes: 10 * mebibyte, countedServedBytes: 10 * mebibyte };
  return {
    elapsedMs: 5,
    requests: 9,
    requestsCut: 1,
    ufsRequests: 7,
    ufsRequestsCut: 0,
    ufsBytes,
    countedUfsBytes,
    ...served,
  };
}

const row: ParquetRow = {
  rowGroupRows: 1000,
  setBytes: 100 * mebibyte,
  readBytes: 10 * mebibyte,
  cold: scan(12),
  warm: scan(0),
  directMs: 4,
  in1MiBBytes: 15 * mebibyte,
  in64MiBBytes: 64 * mebibyte,
  wholeFilesBytes: 100 * mebibyte,
};

it('sets what was read beside what was served', () => {
  const lines = parquetLines([row]);
  expect(lines.find((line) => line.startsWith('read from the UFS, cold'))).toMatch(
    /12 MiB +1\.20x +7 requests/,
  );
  expect(lines.find((line) => line.startsWith('asked'))).toMatch(/9 requests, 1 of them cut$/);
  expect(lines.find((line) => line.startsWith('in 64 MiB blocks'))).toContain('6.40x');
});

it('says so where metrics and proxy disagree', () => {
  const disagreeing = parquetLines([{ ...row, cold: scan(12, 13) }]).join('\n');
  expect(disagreeing).toContain('the proxy counted 13 MiB');
  expect(parquetLines([row]).join('\n')).not.toContain('the proxy counted 1');
});
