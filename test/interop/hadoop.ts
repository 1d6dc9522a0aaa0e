/** Where PySpark's Hadoop client and what S3A needs lie, and how S3A is told of Forebay. */
import { readFileSync } from 'node:fs';
import type { S3Endpoint } from '../support/servers.ts';
import { toolPath } from '../support/tools.ts';

export interface HadoopPlaces {
  /** The bin directory of the Python environment with pyspark. */
  readonly python: string;
  /** Spark's and Hadoop's jars. */
  readonly jars: string;
  /** hadoop-aws, its SDK and Spark's bindings of its committers. */
  readonly s3a: string;
}

export async function hadoopPlaces(): Promise<HadoopPlaces> {
  return JSON.parse(readFileSync(await toolPath('spark'), 'utf8')) as HadoopPlaces;
}

/** Parts of 5 MiB show multipart uploads with small files. */
export function s3aSettings({ endpoint }: S3Endpoint, home: string): Readonly<Record<string, string>> {
  return {
    'fs.s3a.endpoint': endpoint,
    'fs.s3a.endpoint.region': 'us-east-1',
    'fs.s3a.path.style.access': 'true',
    'fs.s3a.connection.ssl.enabled': 'false',
    'fs.s3a.multipart.size': '5M',
    'hadoop.tmp.dir': home,
  };
}
