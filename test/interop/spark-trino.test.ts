/** PySpark writes partitioned Parquet over s3a:// with each of its committers; Trino reads it and writes. */
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ListMultipartUploadsCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it, type TestContext } from 'vitest';
import { mustRun } from '../support/process.ts';
import { fileOf, s3ClientFor } from '../support/servers.ts';
import { needs } from '../support/tools.ts';
import { clientEnvironment } from './environment.ts';
import { hadoopPlaces, s3aSettings } from './hadoop.ts';
import { type Lake, openLake } from './lake.ts';
import { startTrino, type Trino } from './trino.ts';

const rowCount = 20_000;
const job = resolve(import.meta.dirname, 'programs/python/spark_job.py');
const algorithm = 'mapreduce.fileoutputcommitter.algorithm.version';
const s3aCommitter = (name: string) => ({
  'fs.s3a.committer.name': name,
  'spark.sql.sources.commitProtocolClass': 'org.apache.spark.internal.io.cloud.PathOutputCommitProtocol',
  'spark.sql.parquet.output.committer.class':
    'org.apache.spark.internal.io.cloud.BindingParquetOutputCommitter',
});
const committers = {
  file1: { [algorithm]: '1' },
  file2: { [algorithm]: '2' },
  directory: s3aCommitter('directory'),
  partitioned: s3aCommitter('partitioned'),
  magic: s3aCommitter('magic'),
};
const names = Object.keys(committers);

/** Count, sum, greatest name of all rows; count and sum of the third day; for rows written `times` times. */
function figures(times: number): unknown[] {
  const ids = Array.from({ length: rowCount }, (_, id) => id);
  const some = ids.filter((id) => id % 3 === 2);
  const sum = (of: readonly number[]) => of.reduce((total, id) => total + id, 0) * times;
  return [rowCount * times, sum(ids), 'ü 9999', some.length * times, sum(some)];
}

interface SparkResult {
  readonly version: string;
  readonly [committer: string]: unknown;
}

const { skip, meta } = await needs('versitygw', 'spark');
const trinoNeeds = await needs('trino', 'java24');

describe('Spark and Trino', { skip, meta }, () => {
  let lake: Lake;
  beforeAll(async () => {
    lake = await openLake('spark');
  });
  afterAll(() => lake?.close());

  it('Spark writes, overwrites, appends and reads with every committer', async ({ task }) => {
    const { python, s3a } = await hadoopPlaces();
    const { forebay, home } = lake;
    const s3aOptions = Object.entries(s3aSettings(forebay, home)).map(([key, value]) => [
      `spark.hadoop.${key}`,
      value,
    ]);
    const settings = {
      ...Object.fromEntries(s3aOptions),
      'spark.driver.extraClassPath': `${s3a}/*`,
      'spark.driver.memory': '1g',
      'spark.sql.shuffle.partitions': '2',
      'spark.ui.enabled': 'false',
      'spark.driver.bindAddress': '127.0.0.1',
      'spark.driver.host': '127.0.0.1',
      'spark.local.dir': home,
    };
    const input = JSON.stringify({ settings, committers, rows: rowCount, folder: 's3a://lake/tables' });
    const env = clientEnvironment(forebay, home, { PYSPARK_PYTHON: join(python, 'python') });
    const printed = await mustRun(join(python, 'python'), [job], { env, cwd: home, input });
    const { version, ...result } = JSON.parse(printed.trimEnd().split('\n').at(-1)!) as SparkResult;
    task.meta.interop = { client: 'PySpark', version, operation: 'more' };
    const written = { again: figures(1), appended: figures(2) };
    expect(result).toEqual(Object.fromEntries(names.map((name) => [name, written])));
    // S3A's committers leave their name; Hadoop's leave an empty file.
    const marks = names.map((name) =>
      readFileSync(fileOf(lake.server, 'lake', `tables/${name}/_SUCCESS`), 'utf8'),
    );
    const by = marks.map((mark) =>
      mark === '' ? '' : (JSON.parse(mark) as { committer: string }).committer,
    );
    expect(by).toEqual(['', '', 'directory', 'partitioned', 'magic']);
  });

  it('leaves neither uploads nor temporary objects behind', async () => {
    const { keys, uploadCount } = await contents(lake);
    expect(keys.length).toBeGreaterThan(3 * names.length);
    expect(keys.filter((key) => /_temporary|__magic/.test(key))).toEqual([]);
    expect(uploadCount).toBe(0);
  });

  describe('Trino', trinoNeeds, () => readsWithTrino(() => lake));

  it('leaves no complaint in the log', () => {
    expect(lake.forebay.log().match(/^\{"level":"(warn|error|fatal)".*$/gm)).toBeNull();
  });
});

function readsWithTrino(lake: () => Lake): void {
  let trino: Trino;
  beforeAll(async () => {
    trino = await startTrino(lake().forebay, lake().home, 's3://lake/metastore');
    await trino.query('CREATE SCHEMA lake.lake');
  });
  afterAll(() => trino?.stop());
  const shows = ({ task }: TestContext) => {
    task.meta.interop = { client: 'Trino', version: trino.version, operation: 'more' };
  };

  it('reads what Spark wrote, whole and by partition, the second time from the cache', async (context) => {
    shows(context);
    for (const name of names) {
      const columns = 'id bigint, name varchar, amount double, day varchar';
      const location = `external_location = 's3://lake/tables/${name}'`;
      const table = `format = 'PARQUET', partitioned_by = ARRAY['day'], ${location}`;
      await trino.query(`CREATE TABLE ${name} (${columns}) WITH (${table})`);
      await trino.query(`CALL lake.system.sync_partition_metadata('lake', '${name}', 'FULL')`);
      const total = `SELECT count(*), sum(id), max(name) FROM ${name}`;
      const some = `SELECT count(*), sum(id) FROM ${name} WHERE day = '2026-01-03'`;
      const read = async () => [await trino.query(total), await trino.query(some)].flat(2);
      expect([name, await read()]).toEqual([name, figures(2)]);
      await lake().proxy.idle();
      lake().proxy.reset();
      expect([name, await read()]).toEqual([name, figures(2)]);
      await lake().proxy.idle();
      const reads = lake().proxy.requests.filter(
        ({ method, path }) => method === 'GET' && /parquet$/.test(path),
      );
      expect(reads).toEqual([]);
    }
  });

  it('writes a partitioned table, reads it and removes it', async (context) => {
    shows(context);
    const options = "format = 'PARQUET', partitioned_by = ARRAY['day']";
    await trino.query(`CREATE TABLE copied WITH (${options}) AS SELECT * FROM magic`);
    await trino.query('INSERT INTO copied SELECT * FROM file1');
    const total = 'SELECT count(*), sum(id), max(name) FROM copied';
    const some = "SELECT count(*), sum(id) FROM copied WHERE day = '2026-01-03'";
    expect([await trino.query(total), await trino.query(some)].flat(2)).toEqual(figures(4));
    await trino.query('DROP TABLE copied');
    expect((await contents(lake())).keys.filter((key) => key.includes('/copied/'))).toEqual([]);
  });
}

/** What the bucket itself holds. */
async function contents({ server }: Lake): Promise<{ keys: string[]; uploadCount: number }> {
  const client = s3ClientFor(server);
  try {
    const keys = [];
    for await (const page of paginateListObjectsV2({ client }, { Bucket: 'lake' })) {
      keys.push(...(page.Contents ?? []).map(({ Key }) => Key!));
    }
    const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: 'lake' }));
    return { keys, uploadCount: Uploads.length };
  } finally {
    client.destroy();
  }
}
