/**
 * The bytes of one version, from several places, as one body. What lies with the system, or in files, is
 * passed on as it is: a large read costs no more than one of a single node.
 */
import type { FileSlice, RelayedBody, SlicedBody } from '@forebay/core/pieces';
import { type Leg, Legs, type LegsOptions } from './legs.ts';

type Result = IteratorResult<Uint8Array, undefined>;
type Piece = Uint8Array | FileSlice | undefined;

const end: Result = { done: true, value: undefined };
const nothing = new Uint8Array(0);

/** A stream that is relayed or sliced where its first part is. */
export function routedBody(options: LegsOptions): AsyncIterableIterator<Uint8Array> {
  const legs = new Legs(options);
  return options.first.sliced ? new SlicedRoutedBody(legs) : new RelayedRoutedBody(legs);
}

class RoutedBody implements AsyncIterableIterator<Uint8Array> {
  protected readonly legs: Legs;

  constructor(legs: Legs) {
    this.legs = legs;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<Result> {
    for (;;) {
      const known = this.legs.current;
      const leg = known ?? (await this.legs.ready());
      if (!leg) return end;
      if (leg !== known && this.isLookedAtFirst(leg)) return { done: false, value: nothing };
      let result: IteratorResult<Uint8Array>;
      try {
        result = await this.legs.wait(leg.pieces.next());
      } catch (error) {
        this.legs.broke(error);
        continue;
      }
      if (result.done) this.legs.ended();
      else {
        this.legs.took(result.value.byteLength);
        return { done: false, value: result.value };
      }
    }
  }

  async return(): Promise<Result> {
    this.legs.close();
    return end;
  }

  /** Whether the reader is to be asked how it takes a leg, before there is a piece of it. */
  protected isLookedAtFirst(_leg: Leg): boolean {
    return false;
  }
}

class RelayedRoutedBody extends RoutedBody implements RelayedBody {
  #passesOn = false;

  passOn(socket: number): number {
    this.#passesOn = true;
    const passed = this.legs.current?.relayed?.passOn(socket) ?? 0;
    if (passed > 0) this.legs.took(passed);
    return passed;
  }

  protected override isLookedAtFirst({ relayed }: Leg): boolean {
    return this.#passesOn && relayed !== undefined;
  }
}

class SlicedRoutedBody extends RoutedBody implements SlicedBody {
  nextSlice(): Piece | Promise<Piece> {
    const { current } = this.legs;
    if (!current?.sliced) return this.#later(undefined);
    let piece: Piece | Promise<Piece>;
    try {
      piece = current.sliced.nextSlice();
    } catch (error) {
      this.legs.broke(error);
      return this.#later(undefined);
    }
    return piece === undefined || piece instanceof Promise ? this.#later({ piece }) : this.#taken(piece);
  }

  unread(lengthBytes: number): void {
    this.legs.gaveBack(lengthBytes);
    this.legs.current?.sliced?.unread(lengthBytes);
  }

  /** @param first what the current leg said already */
  async #later(first: { readonly piece: undefined | Promise<Piece> } | undefined): Promise<Piece> {
    let said = first;
    for (;;) {
      const leg = await this.legs.ready();
      if (!leg) return undefined;
      let piece: Piece;
      try {
        piece = await this.legs.wait(said ? Promise.resolve(said.piece) : pieceOf(leg));
      } catch (error) {
        said = undefined;
        this.legs.broke(error);
        continue;
      }
      said = undefined;
      if (piece !== undefined) return this.#taken(piece);
      this.legs.ended();
    }
  }

  #taken(piece: Uint8Array | FileSlice): Uint8Array | FileSlice {
    this.legs.took(piece instanceof Uint8Array ? piece.byteLength : piece.lengthBytes);
    return piece;
  }
}

async function pieceOf({ sliced, pieces }: Leg): Promise<Piece> {
  return sliced ? sliced.nextSlice() : (await pieces.next()).value;
}
