/**
 * An answer that comes a little later: it was asked for in the tick in which its request's head was parsed,
 * and whoever waits for it is told by a call, without a promise.
 */
import type { AnswerSoon, S3Answer } from './types.ts';

export class SoonAnswer implements AnswerSoon {
  leave: (() => void) | undefined = undefined;
  readonly #answerOf: (make: () => S3Answer) => S3Answer;
  #answer: S3Answer | undefined;
  #tell: ((answer: S3Answer) => void) | undefined;

  /** @param answerOf makes an answer of what is thrown, too */
  constructor(answerOf: (make: () => S3Answer) => S3Answer) {
    this.#answerOf = answerOf;
  }

  settle(make: () => S3Answer): void {
    const answer = this.#answerOf(make);
    this.#answer = answer;
    this.#tell?.(answer);
  }

  /** Told of it from now on, in place of who was told before. */
  whenThere(tell: (answer: S3Answer) => void): void {
    this.#tell = tell;
    if (this.#answer) tell(this.#answer);
  }

  /** @returns rejects with the signal's reason */
  whenThereOr(signal: AbortSignal): Promise<S3Answer> {
    return new Promise((resolve, reject) => {
      const left = () => {
        this.leave?.();
        reject(signal.reason);
      };
      if (signal.aborted) left();
      else {
        signal.addEventListener('abort', left, { once: true });
        this.whenThere((answer) => {
          signal.removeEventListener('abort', left);
          resolve(answer);
        });
      }
    });
  }
}
