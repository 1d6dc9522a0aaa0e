/**
 * A client that runs as one program for a whole test file, and does what it is told line by line. A line is
 * words, percent-encoded and separated by spaces; the answer is `ok` and words, or `error` and a text.
 */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { atEnd } from '../support/at-end.ts';
import type { Environment } from '../support/process.ts';
import type { Client } from './client.ts';

export interface Program {
  /** Never two at a time. @throws Error with what the program says went wrong. */
  tell(...words: (string | number)[]): Promise<string[]>;
  close(): Promise<void>;
}

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Environment;
  readonly cwd?: string;
}

export function startProgram({ command, args, env, cwd }: Command): Program {
  const child = spawn(command, args, { cwd, env: env as NodeJS.ProcessEnv, stdio: ['pipe', 'pipe', 'pipe'] });
  const takeBack = atEnd(() => child.kill('SIGKILL'));
  let said = '';
  child.stderr.on('data', (bytes: Buffer) => {
    said = (said + bytes.toString()).slice(-8000);
  });
  child.stdin.on('error', () => undefined);
  const ended = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      said += error.message;
      resolve();
    });
    child.once('close', () => {
      takeBack();
      resolve();
    });
  });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async tell(...words) {
      child.stdin.write(`${words.map((word) => encodeURIComponent(word)).join(' ')}\n`);
      // Libraries print what they like: only lines with our mark are answers.
      for (;;) {
        const { value, done } = await answers.next();
        if (done) throw new Error(`${command} ended at ${words[0]}: ${said}`);
        const [mark, state, ...rest] = (value as string).split(' ');
        if (mark !== '@') continue;
        const result = rest.map(decodeURIComponent);
        if (state === 'ok') return result;
        throw new Error(`${words.join(' ').slice(0, 300)}: ${result[0]}\n${said.slice(-2000)}`);
      }
    },
    close: async () => {
      child.stdin.end();
      await ended;
    },
  };
}

/** A client whose program knows every operation. */
export async function programClient(command: Command): Promise<Required<Client>> {
  const program = startProgram(command);
  const [version = 'unknown'] = await program.tell('version');
  return {
    version,
    put: ({ bucket, key }, file) => program.tell('put', bucket, key, file),
    get: ({ bucket, key }, file) => program.tell('get', bucket, key, file),
    list: ({ bucket, prefix }) => program.tell('list', bucket, prefix),
    delete: (bucket, keys) => program.tell('delete', bucket, ...keys),
    range: ({ bucket, key }, file, { start, endExclusive }) =>
      program.tell('range', bucket, key, file, start, endExclusive),
    multipart: ({ bucket, key }, file) => program.tell('multipart', bucket, key, file),
    copy: (bucket, from, to) => program.tell('copy', bucket, from, to),
    presign: async ({ bucket, key }, method) => (await program.tell('presign', bucket, key, method))[0]!,
    close: () => program.close(),
  };
}
