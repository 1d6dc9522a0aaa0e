/** pyarrow as a process, one per job: it writes and reads Parquet over S3. */
import { join } from 'node:path';
import type { S3Target } from 'forebay/demo/s3-client';
import { mustRun } from '../../test/support/process.ts';
import { awsEnvironment } from '../../test/support/python.ts';
import { toolPath } from '../../test/support/tools.ts';

export interface WriteJob {
  readonly do: 'write';
  /** `bucket/prefix` */
  readonly prefix: string;
  readonly files: number;
  /** Of each file. */
  readonly rows: number;
  readonly rowGroupRows: number;
  readonly seed: number;
}

export interface Written {
  readonly columns: number;
  readonly files: readonly { readonly path: string; readonly sizeBytes: number }[];
}

export interface ReadJob {
  readonly do: 'read';
  readonly paths: readonly string[];
  readonly columns: readonly string[];
}

export interface ReadColumns {
  readonly rows: number;
  /** Of the columns' bytes in memory. */
  readonly sha256: string;
  readonly elapsedMs: number;
}

/** @throws Error with pyarrow's traceback, or where Python cannot be had. */
export async function pyarrow<Job extends WriteJob | ReadJob>(
  server: S3Target,
  job: Job,
): Promise<Job extends WriteJob ? Written : ReadColumns> {
  const program = join(await toolPath('pythonClients'), 'python');
  const source = join(import.meta.dirname, 'parquet.py');
  const input = JSON.stringify(job);
  return JSON.parse(await mustRun(program, [source], { env: awsEnvironment(server), input }));
}
