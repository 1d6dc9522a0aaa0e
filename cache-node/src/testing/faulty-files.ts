/** Real files behind the info log's door, on a disk that fails as a test wants it to. */
import * as fs from 'node:fs';
import type { LogFiles } from '../info-log/log-files.ts';

type Call = [descriptor: number, bytes: Buffer, offset: number, length: number, position: number];

export class FaultyFiles {
  /** What every write fails with from now on; undefined: none does. */
  writesFail: 'ENOSPC' | 'EIO' | undefined;
  readsFail = false;
  removesFail = false;
  /** Bytes that may be written before the process is killed: after them nothing changes the disk any more. */
  bytesToLive = Number.POSITIVE_INFINITY;

  get isKilled(): boolean {
    return this.bytesToLive <= 0;
  }

  readonly files: LogFiles = {
    ...fs,
    writeSync: ((...call: Call) => {
      const [descriptor, bytes, offset, length, position] = call;
      this.#mayWrite();
      const lived = Math.min(length, this.bytesToLive);
      this.bytesToLive -= lived;
      const written = fs.writeSync(descriptor, bytes, offset, lived, position);
      if (lived < length) throw new Error('killed');
      return written;
    }) as typeof fs.writeSync,
    writeFileSync: ((path: string, text: string) => {
      this.#mayWrite();
      fs.writeFileSync(path, text);
    }) as typeof fs.writeFileSync,
    renameSync: (from, to) => {
      this.#mayWrite();
      fs.renameSync(from, to);
    },
    rmSync: (path, options) => {
      if (this.isKilled || this.removesFail) throw new Error('not removed');
      fs.rmSync(path, options);
    },
    readSync: ((...call: Call) => {
      if (this.readsFail) throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' });
      return fs.readSync(...call);
    }) as typeof fs.readSync,
  };

  #mayWrite(): void {
    if (this.isKilled) throw new Error('killed');
    const code = this.writesFail;
    if (code) throw Object.assign(new Error(`${code}: write`), { code });
  }
}
