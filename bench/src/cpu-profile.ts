/** A CPU profile of a Node process that was started with `inspectorOf`, taken from outside while it works. */
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

export interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  /** From 0. */
  readonly lineNumber: number;
}

/** As the DevTools protocol has it (Profiler.Profile). Times in µs. */
export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: CallFrame;
    readonly children?: readonly number[];
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Between two samples, in µs. */
const samplingUs = 200;

export interface Inspector {
  /** Of the process that is to be looked into. */
  readonly env: { readonly NODE_OPTIONS: string };
  readonly port: number;
}

/** The process listens there once it gets SIGUSR1. */
export async function inspectorOf(): Promise<Inspector> {
  const port = await unusedPort();
  return { port, env: { NODE_OPTIONS: `--inspect-port=127.0.0.1:${port}` } };
}

/** @throws Error where the process has no inspector */
export async function profiled(
  { pid, port }: { readonly pid: number; readonly port: number },
  work: () => Promise<void>,
): Promise<CpuProfile> {
  process.kill(pid, 'SIGUSR1');
  const socket = new WebSocket(await debuggerUrlOf(port));
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true });
    socket.addEventListener('error', () => reject(new Error('the inspector does not answer')), {
      once: true,
    });
  });
  let calls = 0;
  const call = (method: string, params: object = {}): Promise<{ profile?: CpuProfile }> => {
    calls += 1;
    const id = calls;
    const answered = new Promise<{ profile?: CpuProfile }>((resolve) => {
      socket.addEventListener('message', function take({ data }) {
        const answer = JSON.parse(String(data)) as { id?: number; result: { profile?: CpuProfile } };
        if (answer.id !== id) return;
        socket.removeEventListener('message', take);
        resolve(answer.result);
      });
    });
    socket.send(JSON.stringify({ id, method, params }));
    return answered;
  };
  await call('Profiler.enable');
  await call('Profiler.setSamplingInterval', { interval: samplingUs });
  await call('Profiler.start');
  await work();
  const { profile } = await call('Profiler.stop');
  socket.close();
  if (!profile) throw new Error('the process gave no profile');
  return profile;
}

async function debuggerUrlOf(port: number): Promise<string> {
  for (let tries = 0; tries < 50; tries += 1) {
    try {
      const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as {
        webSocketDebuggerUrl: string;
      }[];
      return targets[0]!.webSocketDebuggerUrl;
    } catch {
      await wait(100);
    }
  }
  throw new Error(`no inspector listens on port ${port}`);
}

function unusedPort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
