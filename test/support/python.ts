/** boto3 as its users have it: stock settings, the endpoint and the keys in the environment. */
import { join } from 'node:path';
import { type Environment, run } from './process.ts';
import type { S3Endpoint } from './servers.ts';
import { tempDir } from './temp.ts';
import { toolPath } from './tools.ts';

/**
 * What a snippet finds: `s3` (path-style, no retries), `args` (what the test passed), `sha256(bytes)`, boto3
 * and Config. It leaves its answer in `result`, as JSON can hold it.
 */
const prelude = `
import hashlib, json, sys
import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
source, args = json.load(sys.stdin)
def sha256(data): return hashlib.sha256(data).hexdigest()
config = Config(s3={'addressing_style': 'path'}, retries={'total_max_attempts': 1}, read_timeout=60)
scope = {'s3': boto3.client('s3', config=config), 'args': args, 'sha256': sha256, 'boto3': boto3,
         'Config': Config, 'ClientError': ClientError, 'result': None}
exec(compile(source, 'snippet', 'exec'), scope)
print('\\n' + json.dumps(scope['result']))
`;

/**
 * Runs a snippet against an endpoint. Behind `needs('python')`.
 * @returns what it left in `result`. @throws Error with the traceback.
 */
export async function runPython<Result>(
  server: S3Endpoint,
  snippet: string,
  args: unknown = {},
): Promise<Result> {
  const program = join(await toolPath('python'), 'python');
  const input = JSON.stringify([outdent(snippet), args]);
  const done = await run(program, ['-c', prelude], { env: awsEnvironment(server), input });
  if (done.code !== 0) throw new Error(`the Python snippet failed:\n${done.stderr.slice(-4000)}`);
  return JSON.parse(done.stdout.trimEnd().split('\n').at(-1)!) as Result;
}

/** What AWS clients read from the environment, and nothing of the user's own configuration. */
export function awsEnvironment({ endpoint, accessKey, secretKey }: S3Endpoint): Environment {
  home ??= tempDir('aws-home');
  return {
    PATH: process.env.PATH,
    HOME: home,
    AWS_ACCESS_KEY_ID: accessKey,
    AWS_SECRET_ACCESS_KEY: secretKey,
    AWS_ENDPOINT_URL: endpoint,
    AWS_DEFAULT_REGION: 'us-east-1',
    AWS_EC2_METADATA_DISABLED: 'true',
    AWS_PAGER: '',
    PYTHONDONTWRITEBYTECODE: '1',
  };
}

let home: string | undefined;

/** Removes the indentation of the first line from all lines, so that snippets stand indented in tests. */
function outdent(text: string): string {
  const lines = text.replace(/^\s*\n/, '').split('\n');
  const indent = /^ */.exec(lines[0] ?? '')![0];
  return lines.map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line)).join('\n');
}
