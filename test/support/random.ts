/** Random choices that a seed repeats. */

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** In [0, 1). (mulberry32) */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** In [0, endExclusive). */
  int(endExclusive: number): number {
    return Math.floor(this.next() * endExclusive);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(list.length)]!;
  }

  /** Some of them, in their order. */
  some<T>(list: readonly T[], probability = 0.5): T[] {
    return list.filter(() => this.chance(probability));
  }

  bytes(sizeBytes: number): Buffer {
    return Buffer.from(Array.from({ length: sizeBytes }, () => this.int(256)));
  }

  /** Text of characters that parsers trip over. */
  text(lengthMax: number): string {
    return Array.from({ length: this.int(lengthMax + 1) }, () => this.pick(oddCharacters)).join('');
  }
}

const oddCharacters = [
  ...'abkz019/.-_~%+&=?#;:,"\'<>[]{}()\\|@!*$^` ',
  '..',
  '//',
  '%2F',
  '%00',
  '%zz',
  'é',
  'ﬁ',
  '😀',
  '\u0000',
  '\t',
  '\u007f',
  '\u2028',
];

/** A few small wounds: flipped, lost, doubled and foreign bytes. */
export function mutate(random: Random, body: Buffer, woundsMax = 4): Buffer {
  let mutant = Buffer.from(body);
  for (let left = 1 + random.int(woundsMax); left > 0; left -= 1) {
    const at = random.int(mutant.length + 1);
    const end = Math.min(mutant.length, at + 1 + random.int(20));
    const [before, taken, after] = [mutant.subarray(0, at), mutant.subarray(at, end), mutant.subarray(end)];
    const change = random.int(6);
    if (change === 0) mutant = Buffer.concat([before, after]);
    else if (change === 1) mutant = Buffer.concat([before, taken, taken, after]);
    else if (change === 2) mutant = Buffer.concat([before, random.bytes(1 + random.int(8)), after]);
    else if (change === 3) mutant = Buffer.concat([before, Buffer.from(random.pick(tokens)), taken, after]);
    else if (change === 4) mutant = Buffer.from(before);
    else if (at < mutant.length) mutant[at]! ^= 1 << random.int(8);
  }
  return mutant;
}

const tokens = [
  '\r\n',
  '\n',
  '\r\n\r\n',
  '\0',
  ' ',
  ':',
  '0',
  '-1',
  '99999999999999999999',
  'ffffffffffffffff',
  '<',
  '>',
  '&',
  '&x;',
  ']]>',
  '--',
  ';',
  '%',
  'HTTP/1.1',
  'GET / HTTP/1.1\r\n\r\n',
];
