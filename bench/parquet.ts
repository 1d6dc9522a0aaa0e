/**
 * `npm run bench -- parquet`: how much is read from the UFS so that pyarrow can read 3 of 30 columns of a
 * Parquet file set. Counted by Forebay's metrics and by a proxy before the UFS, beside what whole blocks of
 * other sizes would have read.
 */
import { KiB, MiB } from '@forebay/core/bytes';
import { type CountingProxy, startCountingProxy } from '../test/support/counting-proxy.ts';
import { metric, untilQuiet } from '../test/support/metrics.ts';
import { type BenchmarkContext, type BenchmarkReport, numberFlag, runBenchmark, say } from './src/frame.ts';
import { pyarrow, type ReadColumns, type Written } from './src/parquet-client.ts';
import { type ParquetRow, parquetLines } from './src/parquet-figures.ts';
import { blockBytesOf, type ReadRange, rangeOf } from './src/ranges.ts';
import {
  bucket,
  type ForebayServer,
  type Server,
  startForebay,
  startUfs,
  tempDirectory,
} from './src/servers.ts';

const columns = ['count_3', 'measure_7', 'name_2'];
/** As many as pyarrow puts into one row group by itself: about 225 MiB. */
const rowsPerFile = 1024 * KiB;

await runBenchmark({
  usage: `Usage: npm run bench -- parquet [--files N] [--row-group-rows N]

Writes Parquet file sets of 30 columns with pyarrow and reads 3 columns of them through Forebay with
pyarrow's S3 file system: cold, then warm.

  --files N            of each file set, about 225 MiB each (5)
  --row-group-rows N   one set with row groups of N rows, in place of two: 1048576, which is pyarrow's
                       default, and 524288
`,
  options: { files: { type: 'string' }, 'row-group-rows': { type: 'string' } },
  run: measure,
});

async function measure({ quick, flags, stack }: BenchmarkContext): Promise<BenchmarkReport> {
  const files = numberFlag(flags, 'files', quick ? 1 : 5);
  const given = numberFlag(flags, 'row-group-rows', 0.5);
  const groups = given >= 1 ? [given] : [1024 * KiB, 512 * KiB].slice(quick ? 1 : 0);
  const directory = tempDirectory(stack);
  const ufs = await startUfs(stack, directory);
  const beforeUfs = await startCountingProxy({ target: ufs });
  stack.defer(() => beforeUfs.stop());
  const mounts = groups.map((rows) => ({ name: mountNameOf(rows), endpoint: beforeUfs.endpoint }));
  const forebay = await startForebay(stack, { directory, ufs, mounts });
  const beforeForebay = await startCountingProxy({ target: forebay });
  stack.defer(() => beforeForebay.stop());
  const rows: ParquetRow[] = [];
  for (const rowGroupRows of groups) {
    say(`Writing ${files} files, row groups of ${rowGroupRows} rows.`);
    const written = await writeSet(ufs, files, rowGroupRows);
    rows.push(await readSet({ ufs, forebay, beforeUfs, beforeForebay }, written, rowGroupRows));
  }
  return {
    lines: [
      `UFS: ${ufs.name}. pyarrow reads columns ${columns.join(', ')} of 30, as a data set over S3.`,
      'Amplification: bytes read from the UFS over bytes served to pyarrow; in blocks: computed from its ranges.',
      '',
      ...parquetLines(rows),
    ],
    figures: { ufs: ufs.name, columns, rows },
  };
}

function mountNameOf(rowGroupRows: number): string {
  return `groups-${rowGroupRows}`;
}

function writeSet(ufs: Server, files: number, rowGroupRows: number): Promise<Written> {
  const prefix = `${bucket}/table-${rowGroupRows}`;
  return pyarrow(ufs, { do: 'write', prefix, files, rows: rowsPerFile, rowGroupRows, seed: rowGroupRows });
}

interface Parts {
  readonly ufs: Server;
  readonly forebay: ForebayServer;
  readonly beforeUfs: CountingProxy;
  readonly beforeForebay: CountingProxy;
}

async function readSet(parts: Parts, written: Written, rowGroupRows: number): Promise<ParquetRow> {
  const { ufs, beforeForebay } = parts;
  const name = mountNameOf(rowGroupRows);
  const paths = written.files.map(({ path }) => path);
  const direct = await pyarrow(ufs, { do: 'read', paths, columns });
  const through = paths.map((path) => path.replace(`${bucket}/`, `${name}/`));
  const read = async (pass: string) => {
    say(`Reading, ${pass}.`);
    const counted = await countOf(parts, name, () =>
      pyarrow(beforeForebay, { do: 'read', paths: through, columns }),
    );
    if (counted.result.sha256 !== direct.sha256) throw new Error(`${pass} reads brought other bytes`);
    return counted;
  };
  const cold = await read('cold');
  const warm = await read('warm');
  const sizes = new Map(written.files.map(({ sizeBytes }, index) => [`/${through[index]}`, sizeBytes]));
  const ranges = cold.gets.map(({ path, range }) => rangeOf(range, path, sizes.get(path)!));
  return {
    rowGroupRows,
    setBytes: written.files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    readBytes: ranges.reduce((sum, { start, endExclusive }) => sum + endExclusive - start, 0),
    cold: cold.figures,
    warm: warm.figures,
    directMs: direct.elapsedMs,
    ...inBlocks(ranges),
  };
}

function inBlocks(ranges: readonly ReadRange[]) {
  const of = (blockSizeBytes: number) => blockBytesOf(ranges, blockSizeBytes);
  return { in1MiBBytes: of(MiB), in64MiBBytes: of(64 * MiB), wholeFilesBytes: of(Number.MAX_SAFE_INTEGER) };
}

/** What one read of the columns moved on both sides of Forebay, what it went on to fetch included. */
async function countOf(parts: Parts, mount: string, work: () => Promise<ReadColumns>) {
  const { forebay, beforeUfs, beforeForebay } = parts;
  const metrics = { ...forebay, admin: forebay.adminUrl };
  const counters = async () => ({
    served: await metric(metrics, 'forebay_bytes_served_total'),
    ufs: await metric(metrics, 'forebay_ufs_bytes_total', { mount: `/${mount}` }),
  });
  beforeUfs.reset();
  beforeForebay.reset();
  const before = await counters();
  const result = await work();
  await Promise.all([untilQuiet(metrics), beforeUfs.idle(), beforeForebay.idle()]);
  const after = await counters();
  const bytesOf = (proxy: CountingProxy) =>
    proxy.requests.reduce((sum, { responseBytes }) => sum + responseBytes, 0);
  return {
    result,
    gets: beforeForebay.requests.filter(({ method }) => method === 'GET'),
    figures: {
      elapsedMs: result.elapsedMs,
      requests: beforeForebay.requests.length,
      requestsCut: cutOf(beforeForebay),
      ufsRequests: beforeUfs.requests.length,
      ufsRequestsCut: cutOf(beforeUfs),
      servedBytes: after.served - before.served,
      ufsBytes: after.ufs - before.ufs,
      countedServedBytes: bytesOf(beforeForebay),
      countedUfsBytes: bytesOf(beforeUfs),
    },
  };
}

/** Whoever cut them: pyarrow gives up a request that gets nothing for three seconds, and sends it again. */
function cutOf(proxy: CountingProxy): number {
  return proxy.count(({ state }) => state === 'cut');
}
