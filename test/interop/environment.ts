/** Environments and places that several adapters share. */
import { join, resolve } from 'node:path';
import type { Environment } from '../support/process.ts';
import { awsEnvironment } from '../support/python.ts';
import type { S3Endpoint } from '../support/servers.ts';
import { toolPath } from '../support/tools.ts';
import type { Command } from './program.ts';

const programs = resolve(import.meta.dirname, 'programs');

/** What AWS clients read, with the client's own files in `home`. */
export function clientEnvironment(server: S3Endpoint, home: string, more: Environment = {}): Environment {
  return { ...awsEnvironment(server), AWS_REGION: 'us-east-1', HOME: home, LANG: 'C.UTF-8', ...more };
}

export async function pythonProgram(
  tool: 'python' | 'pythonClients',
  name: string,
  env: Environment,
): Promise<Command> {
  const python = join(await toolPath(tool), 'python');
  return { command: python, args: [join(programs, 'python', `${name}.py`)], env };
}

export async function nodeProgram(name: string, env: Environment): Promise<Command> {
  const modules = { INTEROP_MODULES: await toolPath('nodeClients') };
  const args = [join(programs, 'node', `${name}.mjs`)];
  return { command: process.execPath, args, env: { ...env, ...modules } };
}
