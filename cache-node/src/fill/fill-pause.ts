/** The pause of a fill whose readers want no more for now. */
import type { UfsQueue } from '@forebay/ufs/ufs-queue';

export class FillPause {
  #end: ((goesOn: boolean) => void) | undefined;

  /**
   * False where the readers take their time, or others wait for a connection: those to the UFS are few, and
   * not for one slow client to keep. Its next page is a request of its own.
   */
  over(queue: UfsQueue, pauseMaxMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (goesOn: boolean) => {
        clearTimeout(timer);
        takeBack();
        this.#end = undefined;
        resolve(goesOn);
      };
      const timer = setTimeout(() => end(false), pauseMaxMs);
      timer.unref();
      const takeBack = queue.onWaiting(() => end(false));
      this.#end = end;
    });
  }

  wake(): void {
    this.#end?.(true);
  }
}
