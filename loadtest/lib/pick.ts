/** Random choices of virtual users. */

/** A whole number from 0 up to, and without, the bound. */
export function pick(bound: number): number {
  return Math.floor(Math.random() * bound);
}

/** The same, small ones far more often: half of all picks are among the first `sqrt(bound)`. */
export function pickPopular(bound: number): number {
  return Math.min(bound - 1, Math.floor(bound ** Math.random()) - 1);
}
