/** The last lines of a log, in memory, for who looks at it while the process runs. */

export interface TailedLine {
  /** Of this process, without gaps. */
  readonly number: number;
  /** JSON, without its line end; cut where it is long. */
  readonly text: string;
}

const linesMax = 500;
const lineCharactersMax = 4096;

export class LogTail {
  readonly #lines: string[] = [];
  readonly #before: number;
  #count = 0;

  /**
   * @param before the number before the first line's. By the time of the start, a later process of the same
   * id counts on from above, and who asks for what comes after a line misses none of it
   */
  constructor(before = 0) {
    this.#before = before;
  }

  add(line: string): void {
    this.#lines[this.#count % linesMax] = line;
    this.#count += 1;
  }

  /** Lines behind this number, the oldest first; those that are gone are left out. */
  after(number: number): readonly TailedLine[] {
    const first = Math.max(number - this.#before, this.#count - linesMax, 0);
    return Array.from({ length: Math.max(0, this.#count - first) }, (_, index) => ({
      number: this.#before + first + index + 1,
      text: this.#lines[(first + index) % linesMax]!.trimEnd().slice(0, lineCharactersMax),
    }));
  }
}
