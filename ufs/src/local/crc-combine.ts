/**
 * The CRC of bytes one after another from the CRCs of the pieces, without the bytes. A CRC is a remainder of
 * polynomials over GF(2): n bytes behind it multiply it by x^(8n), and remainders add up by XOR. That the
 * CRCs of S3 begin and end with all ones cancels out. (zlib's crc32_combine does the same.)
 */

/** Bits and reflected polynomial: the bit of the highest power stands lowest. */
const crcs = {
  CRC32: { bits: 32, polynomial: 0xedb88320n },
  CRC32C: { bits: 32, polynomial: 0x82f63b78n },
  CRC64NVME: { bits: 64, polynomial: 0x9a6c9329ac4bc9b5n },
} as const;

type Crc = (typeof crcs)[keyof typeof crcs];

export interface CrcPiece {
  /** Big-endian. */
  readonly value: Uint8Array;
  readonly sizeBytes: number;
}

/** Big-endian; undefined where the algorithm is no CRC. */
export function combineCrcs(algorithm: string, pieces: readonly CrcPiece[]): Buffer | undefined {
  if (!Object.hasOwn(crcs, algorithm)) return undefined;
  const crc = crcs[algorithm as keyof typeof crcs];
  const powers = new Powers(crc);
  let whole = 0n;
  for (const { value, sizeBytes } of pieces) {
    whole = multiply(crc, powers.behind(sizeBytes), whole) ^ numberOf(value);
  }
  return Buffer.from(whole.toString(16).padStart(crc.bits / 4, '0'), 'hex');
}

function numberOf(value: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(value).toString('hex') || '0'}`);
}

/** x^(8n), kept by n: parts of one upload mostly have one size. */
class Powers {
  readonly #crc: Crc;
  readonly #bySize = new Map<number, bigint>();
  /** x^1, x^2, x^4, x^8, ... */
  readonly #squares: bigint[];

  constructor(crc: Crc) {
    this.#crc = crc;
    this.#squares = [1n << BigInt(crc.bits - 2)];
  }

  behind(sizeBytes: number): bigint {
    const known = this.#bySize.get(sizeBytes);
    if (known !== undefined) return known;
    let power = 1n << BigInt(this.#crc.bits - 1);
    let bits = BigInt(sizeBytes) * 8n;
    for (let index = 0; bits > 0n; index += 1, bits >>= 1n) {
      if (bits & 1n) power = multiply(this.#crc, this.#square(index), power);
    }
    this.#bySize.set(sizeBytes, power);
    return power;
  }

  #square(index: number): bigint {
    while (this.#squares.length <= index) {
      const last = this.#squares.at(-1)!;
      this.#squares.push(multiply(this.#crc, last, last));
    }
    return this.#squares[index]!;
  }
}

/** The product modulo the polynomial. */
function multiply({ bits, polynomial }: Crc, a: bigint, b: bigint): bigint {
  let product = 0n;
  let shifted = b;
  for (let bit = 1n << BigInt(bits - 1); bit > 0n; bit >>= 1n) {
    if (a & bit) product ^= shifted;
    shifted = shifted & 1n ? (shifted >> 1n) ^ polynomial : shifted >> 1n;
  }
  return product;
}
