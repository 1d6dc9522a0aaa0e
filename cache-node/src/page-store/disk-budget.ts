/**
 * The bytes of one page directory under its cap: pages in whole file system blocks, packs with their garbage,
 * journals, and what is being written. Room is taken before a write. A small reserve is left for what must be
 * written to free anything at all (journals), so that the sum stays below the cap with it.
 */
const reserveBytesMax = 4 * 1024 * 1024;
const reserveShare = 1 / 16;

export class DiskBudget {
  /** As configured, or what the disk had room for at the start. */
  bytesMax: number;
  /** Below `bytesMax` while the disk has less room than it should. */
  #loweredBytesMax = Number.POSITIVE_INFINITY;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.bytesMax = bytesMax;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get effectiveBytesMax(): number {
    return Math.min(this.bytesMax, this.#loweredBytesMax);
  }

  get isLowered(): boolean {
    return this.#loweredBytesMax < this.bytesMax;
  }

  /** What pages may take together. */
  get pageBytesMax(): number {
    const max = this.effectiveBytesMax;
    return max - Math.min(reserveBytesMax, Math.floor(max * reserveShare));
  }

  /** False where there is no room; taken where true. */
  tryTake(bytes: number): boolean {
    if (this.#bytes + bytes > this.pageBytesMax) return false;
    this.#bytes += bytes;
    return true;
  }

  /** Room for a journal, out of the reserve. False past the cap itself. */
  takeReserve(bytes: number): boolean {
    if (this.#bytes + bytes > this.effectiveBytesMax) return false;
    this.#bytes += bytes;
    return true;
  }

  /** What was found on disk. */
  count(bytes: number): void {
    this.#bytes += bytes;
  }

  give(bytes: number): void {
    this.#bytes -= bytes;
  }

  /** Who had the room at the start may have gone since: up to what was asked for, as far as there is room. */
  grow(askedBytes: number, roomBytes: number): void {
    this.bytesMax = Math.min(askedBytes, Math.max(this.bytesMax, roomBytes));
  }

  /** The disk is full below the cap. */
  lowerTo(bytesMax: number): void {
    this.#loweredBytesMax = Math.max(0, bytesMax);
  }

  restore(): void {
    this.#loweredBytesMax = Number.POSITIVE_INFINITY;
  }
}
