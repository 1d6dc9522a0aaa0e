/** A store with so many connections: reads wait for one, and keep it until their body has ended. */
import { Gate } from '@forebay/ufs/s3/gate';
import type { Ufs } from '@forebay/ufs/ufs';
import type { StepUfs } from './step-ufs.ts';

export function gatedUfs(store: StepUfs, connectionsMax: number): Ufs {
  const queue = new Gate({ slotsMax: connectionsMax, waitersMax: 1000, waitMs: 60_000 });
  const inner = store.asUfs();
  const get: Ufs['get'] = async (key, options) => {
    await queue.enter(options?.signal);
    try {
      const opened = await inner.get(key, options);
      return { ...opened, body: leavingAtEnd(opened.body, () => queue.leave()) };
    } catch (error) {
      queue.leave();
      throw error;
    }
  };
  return { ...inner, queue, get };
}

function leavingAtEnd(body: AsyncIterable<Uint8Array>, leave: () => void): AsyncIterable<Uint8Array> {
  const iterator = body[Symbol.asyncIterator]();
  let left = false;
  const end = () => {
    if (!left) leave();
    left = true;
  };
  return {
    [Symbol.asyncIterator]: () => ({
      next: async () => {
        const result = await iterator.next();
        if (result.done) end();
        return result;
      },
      return: async () => {
        await iterator.return?.();
        end();
        return { done: true, value: undefined };
      },
    }),
  };
}
