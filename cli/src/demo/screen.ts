/**
 * What the demo says while it runs: lines that stay and, on a terminal, one line of progress that does not.
 */
import { formatSize } from '@forebay/core/bytes';
import { type Style, styleFor } from '../terminal.ts';

const barCells = 24;
const redrawMs = 80;

export class Screen {
  readonly style: Style;
  readonly #stream: NodeJS.WriteStream;
  #drawn = false;
  #drawnAtMs = 0;

  constructor(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv) {
    this.#stream = stream;
    this.style = styleFor(stream, env);
  }

  line(text = ''): void {
    this.#clear();
    this.#stream.write(`${text}\n`);
  }

  /** Drawn on a terminal only, and not more often than an eye can follow. */
  progress(label: string, doneBytes: number, totalBytes: number): void {
    const nowMs = performance.now();
    if (!this.#stream.isTTY || nowMs - this.#drawnAtMs < redrawMs) return;
    this.#drawnAtMs = nowMs;
    const filled = Math.round((doneBytes / totalBytes) * barCells);
    const bar = '#'.repeat(filled) + '.'.repeat(barCells - filled);
    const text = `  ${label}  [${bar}] ${formatSize(doneBytes)} of ${formatSize(totalBytes)}`;
    this.#clear();
    this.#stream.write(text.slice(0, (this.#stream.columns || 80) - 1));
    this.#drawn = true;
  }

  #clear(): void {
    if (this.#drawn) this.#stream.write('\r\u001b[K');
    this.#drawn = false;
  }
}
