/** The last lines of a log, in memory, for who looks at it while the process runs. */

export interface TailedLine {
  /** Of this process, from 1 on, without gaps. */
  readonly number: number;
  /** JSON, without its line end; cut where it is long. */
  readonly text: string;
}

const linesMax = 500;
const lineCharactersMax = 4096;

export class LogTail {
  readonly #lines: string[] = [];
  #count = 0;

  add(line: string): void {
    this.#lines[this.#count % linesMax] = line;
    this.#count += 1;
  }

  /** Lines behind this number, the oldest first; those that are gone are left out. */
  after(number: number): readonly TailedLine[] {
    const first = Math.max(number, this.#count - linesMax, 0);
    return Array.from({ length: Math.max(0, this.#count - first) }, (_, index) => ({
      number: first + index + 1,
      text: this.#lines[(first + index) % linesMax]!.trimEnd().slice(0, lineCharactersMax),
    }));
  }
}
