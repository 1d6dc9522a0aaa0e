/** The table of what a column scan read. */
import { formatSize } from '@forebay/core/bytes';
import { table } from 'forebay/terminal';

export interface ScanFigures {
  readonly elapsedMs: number;
  readonly requests: number;
  /** Of them, those that ended before their answer was whole. */
  readonly requestsCut: number;
  readonly ufsRequests: number;
  readonly ufsRequestsCut: number;
  /** By Forebay's metrics. */
  readonly servedBytes: number;
  readonly ufsBytes: number;
  /** By the proxies on both sides of it. */
  readonly countedServedBytes: number;
  readonly countedUfsBytes: number;
}

export interface ParquetRow {
  readonly rowGroupRows: number;
  /** Of all files. */
  readonly setBytes: number;
  /** What pyarrow asked for. */
  readonly readBytes: number;
  readonly cold: ScanFigures;
  readonly warm: ScanFigures;
  /** The same read without Forebay. */
  readonly directMs: number;
  readonly in1MiBBytes: number;
  readonly in64MiBBytes: number;
  readonly wholeFilesBytes: number;
}

export function parquetLines(rows: readonly ParquetRow[]): string[] {
  return rows.flatMap((row, index) => [...(index > 0 ? [''] : []), ...linesOf(row)]);
}

function linesOf(row: ParquetRow): string[] {
  const { cold, warm } = row;
  const line = (what: string, bytes: number, note: string) => [
    what,
    formatSize(bytes),
    `${(bytes / row.readBytes).toFixed(2)}x`,
    note,
  ];
  const times = `direct ${row.directMs.toFixed(0)} ms, cold ${cold.elapsedMs.toFixed(0)} ms, warm ${warm.elapsedMs.toFixed(0)} ms`;
  return [
    `Row groups of ${row.rowGroupRows} rows; files of ${formatSize(row.setBytes)} together; ${times}`,
    ...table([
      ['', 'bytes', 'to served', ''],
      line('asked by pyarrow', row.readBytes, requestsNote(cold.requests, cold.requestsCut)),
      line('served', cold.servedBytes, agreement(cold.servedBytes, cold.countedServedBytes)),
      line('read from the UFS, cold', cold.ufsBytes, ufsNote(cold)),
      line('read from the UFS, warm', warm.ufsBytes, ufsNote(warm)),
      line('in 1 MiB blocks', row.in1MiBBytes, 'computed'),
      line('in 64 MiB blocks', row.in64MiBBytes, 'computed'),
      line('whole files', row.wholeFilesBytes, 'computed'),
    ]),
  ];
}

function requestsNote(requests: number, cut: number): string {
  return cut === 0 ? `${requests} requests` : `${requests} requests, ${cut} of them cut`;
}

function ufsNote(figures: ScanFigures): string {
  const requests = requestsNote(figures.ufsRequests, figures.ufsRequestsCut);
  return `${requests}; ${agreement(figures.ufsBytes, figures.countedUfsBytes)}`;
}

function agreement(metric: number, counted: number): string {
  return metric === counted ? 'the proxy counted the same' : `the proxy counted ${formatSize(counted)}`;
}
