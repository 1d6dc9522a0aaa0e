/**
 * Numbers for the names of quota scopes: rows hold numbers. There are as many as mounts and rules with a
 * quota.
 */
const namesMax = 0xffff;

export class ScopeNames {
  readonly #names: string[] = [];
  readonly #numbers = new Map<string, number>();

  get count(): number {
    return this.#names.length;
  }

  /** All names; the number of each is its place. */
  get names(): readonly string[] {
    return this.#names;
  }

  numberOf(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    // Past any sane count of mounts, the last one takes them all: quotas get coarse, nothing else.
    if (this.#names.length > namesMax) return namesMax;
    this.#names.push(name);
    this.#numbers.set(name, this.#names.length - 1);
    return this.#names.length - 1;
  }

  nameOf(number: number): string {
    return this.#names[number] ?? '';
  }
}
