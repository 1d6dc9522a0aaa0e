/** `forebay serve` as a process: its banner, between start and stop. */
import { banner } from '../banner.ts';
import type { ServeConfig } from '../serve-config.ts';
import { styleFor } from '../terminal.ts';
import { version } from '../version.ts';
import { createRoleLog, runUntilStopped } from './role-process.ts';
import { startServe } from './serve.ts';

/** As `runUntilStopped`. */
export async function serveUntilStopped(config: ServeConfig): Promise<void> {
  const startedMs = performance.now();
  const log = createRoleLog(config.values);
  for (const warning of config.warnings) log.warn(warning);
  await runUntilStopped(log, async () => {
    const running = await startServe({ config, log });
    const { endpoint, adminUrl, nodeId } = running;
    log.info(
      { version, endpoint, adminUrl, nodeId, mounts: running.mounts.length, workers: running.workers },
      'ready',
    );
    const terminal = process.stdout.isTTY === true;
    const style = styleFor(process.stdout, process.env);
    process.stdout.write(banner({ running, config, style, terminal, tookMs: performance.now() - startedMs }));
    return running;
  });
}
