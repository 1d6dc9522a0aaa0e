/** The objects that `forebay bench` reads: made before it measures, removed after it if so asked. */
import type { BenchPlan } from './bench-plan.ts';
import { contentOf } from './content.ts';
import { objectPath } from './load-run.ts';
import { WireConnection } from './wire-connection.ts';
import { RequestWriter, type WireCall } from './wire-request.ts';

const connectionsMax = 8;

export interface PrepareOptions {
  readonly plan: BenchPlan;
  readonly signal: AbortSignal;
  readonly onProgress: (done: number) => void;
}

/** Writes those that are not there in their size. @throws Error with the answer of the first that failed */
export function prepareObjects(options: PrepareOptions): Promise<void> {
  const { sizeBytes } = options.plan;
  return forEachObject(options, async (send, path, object) => {
    const known = await send({ method: 'HEAD', path });
    if (known.status === 200 && known.lengthBytes === sizeBytes) return;
    if (known.status === 403) throw new Error(`HEAD ${path} was answered with 403`);
    const body = contentOf(object, sizeBytes);
    const { status, text } = await send({ method: 'PUT', path, bodyBytes: body.length }, body);
    if (status >= 300) throw new Error(`PUT ${path} was answered with ${status} ${codeOf(text)}`.trim());
  });
}

/** @throws Error with the answer of the first that failed */
export function removeObjects(options: PrepareOptions): Promise<void> {
  return forEachObject(options, async (send, path) => {
    const { status, text } = await send({ method: 'DELETE', path });
    if (status >= 300 && status !== 404) {
      throw new Error(`DELETE ${path} was answered with ${status} ${codeOf(text)}`.trim());
    }
  });
}

interface Answer {
  readonly status: number;
  readonly lengthBytes: number;
  readonly text: string;
}
type Send = (call: WireCall, body?: Buffer) => Promise<Answer>;

async function forEachObject(
  { plan, signal, onProgress }: PrepareOptions,
  work: (send: Send, path: string, object: number) => Promise<void>,
): Promise<void> {
  const writer = new RequestWriter(plan.target);
  let [next, done] = [0, 0];
  const drive = async () => {
    const connection = new WireConnection(plan.target.endpoint);
    const send: Send = (call, body) => sendOn(connection, writer.head(call), call, body);
    try {
      while (next < plan.objects && !signal.aborted) {
        const object = next;
        next += 1;
        await work(send, objectPath(plan, object), object);
        done += 1;
        onProgress(done);
      }
    } finally {
      connection.close();
    }
  };
  await Promise.all(Array.from({ length: Math.min(connectionsMax, plan.objects) }, drive));
}

async function sendOn(
  connection: WireConnection,
  head: string,
  call: WireCall,
  body: Buffer | undefined,
): Promise<Answer> {
  let text = '';
  const reply = await connection.send({
    head,
    body,
    headOnly: call.method === 'HEAD',
    onBytes: (bytes) => {
      text += bytes.toString('latin1');
    },
  });
  const lengthBytes = Number(/\r\ncontent-length: *(\d+)/i.exec(reply.head)?.[1] ?? 0);
  return { status: reply.status, lengthBytes, text };
}

function codeOf(text: string): string {
  return /<Code>([^<]*)/.exec(text)?.[1] ?? '';
}
