/** Where the access log of a process goes. */
import { LineFile } from '@forebay/core/line-file';
import { type Log, tailOf } from '@forebay/core/log';
import type { GatewayOptions } from '@forebay/gateway/app';
import type { GatewayConfig } from '@forebay/gateway/settings';
import { CommandError } from './command-error.ts';
import type { Undoing } from './roles/undoing.ts';

const troubleEveryMs = 60_000;

export interface AccessLinesOptions {
  readonly values: Pick<GatewayConfig, 'accessLogFile' | 'accessLogQueueBytesMax'>;
  readonly log: Log;
  readonly undoing: Undoing;
}

/** Opens the file at once: one that cannot be written is found at the start, and not when it is needed. */
export function accessLinesOf({
  values,
  log,
  undoing,
}: AccessLinesOptions): NonNullable<GatewayOptions['openAccessLines']> {
  const { accessLogFile: path, accessLogQueueBytesMax: queueBytesMax } = values;
  let nextMs = 0;
  const onTrouble = (reason: string) => {
    const nowMs = performance.now();
    if (nowMs < nextMs) return;
    nextMs = nowMs + troubleEveryMs;
    log.error({ path, reason }, 'the access log cannot be written');
  };
  return (onDropped) => {
    const lines = openLines({
      path,
      queueBytesMax,
      onDropped,
      onTrouble,
      tail: path === undefined ? tailOf(log) : undefined,
    });
    undoing.add(() => lines.close());
    if (path !== undefined) {
      // What rotates logs may send it; it must not end the process.
      const look = () => lines.look();
      process.on('SIGHUP', look);
      undoing.add(() => process.off('SIGHUP', look));
    }
    return lines;
  };
}

function openLines(options: ConstructorParameters<typeof LineFile>[0]): LineFile {
  try {
    return new LineFile(options);
  } catch (error) {
    throw new CommandError(`accessLogFile: ${(error as Error).message}`);
  }
}
