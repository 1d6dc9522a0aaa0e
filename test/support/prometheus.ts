/** A real Prometheus on a free port, and its promtool. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, mustRun, startProcess, untilReady } from './process.ts';
import { tempDir } from './temp.ts';
import { toolPath } from './tools.ts';

export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Alert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly state: 'pending' | 'firing';
}

export interface Target {
  readonly labels: Readonly<Record<string, string>>;
  readonly health: 'up' | 'down' | 'unknown';
  readonly lastError: string;
}

export interface Prometheus {
  readonly url: string;
  /** Of an instant vector or a scalar, now. @throws Error where the expression is wrong */
  query(expression: string): Promise<readonly Sample[]>;
  targets(): Promise<readonly Target[]>;
  alerts(): Promise<readonly Alert[]>;
  stop(): Promise<void>;
}

/** Behind `needs('prometheus')`. @throws Error with what it says where it finds fault */
export async function promtool(args: readonly string[], input?: string): Promise<string> {
  const program = join(await toolPath('prometheus'), 'usr/bin/promtool');
  return mustRun(program, args, { input });
}

/** Behind `needs('prometheus')`. @param config the text of prometheus.yml; its files are found from /. */
export async function startPrometheus(config: string): Promise<Prometheus> {
  const directory = tempDir('prometheus');
  const configFile = join(directory, 'prometheus.yml');
  writeFileSync(configFile, config);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const server = startProcess(join(await toolPath('prometheus'), 'usr/bin/prometheus'), [
    `--config.file=${configFile}`,
    `--storage.tsdb.path=${join(directory, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=warn',
  ]);
  await untilReady(server, () => answers(`${url}/-/ready`));
  return {
    url,
    query: (expression) => query(url, expression),
    targets: async () => {
      const { activeTargets } = await ask<{ activeTargets: Target[] }>(url, '/api/v1/targets');
      return activeTargets;
    },
    alerts: async () => (await ask<{ alerts: Alert[] }>(url, '/api/v1/alerts')).alerts,
    stop: async () => void (await server.stop()),
  };
}

async function query(url: string, expression: string): Promise<readonly Sample[]> {
  type Pair = readonly [seconds: number, value: string];
  type Vector = { metric: Record<string, string>; value: Pair }[];
  const path = `/api/v1/query?query=${encodeURIComponent(expression)}`;
  const { resultType, result } = await ask<{ resultType: string; result: Vector | Pair }>(url, path);
  if (resultType === 'scalar') return [{ labels: {}, value: Number((result as Pair)[1]) }];
  if (resultType !== 'vector') throw new Error(`${expression} is a ${resultType}`);
  return (result as Vector).map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
}

async function ask<Data>(url: string, path: string): Promise<Data> {
  const answer = await fetch(url + path);
  const said = (await answer.json()) as { status: string; data: Data; error?: string };
  if (said.status !== 'success') throw new Error(`${path}: ${said.error}`);
  return said.data;
}

async function answers(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url);
    await answer.arrayBuffer();
    return answer.ok;
  } catch {
    return false;
  }
}
