/**
 * Which of several things a seed draws, as NumPy's `default_rng(seed).integers(count)` does: PCG XSL RR 128/64 (O'Neill 2014)
 * behind NumPy's SeedSequence.
 */

const [WORD, LONG, LONGEST] = [(1n << 32n) - 1n, (1n << 64n) - 1n, (1n << 128n) - 1n];
const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

/** A hash of words of 32 bits, whose constant moves on. @param {number} constant @param {number} multiplier */
function hashing(constant, multiplier) {
  let moving = constant;
  return (/** @type {number} */ value) => {
    const mixed = value ^ moving;
    moving = Math.imul(moving, multiplier);
    const product = Math.imul(mixed, moving);
    return product ^ (product >>> 16);
  };
}

/** Eight words that a seed is spread over. @param {bigint} seed */
function spread(seed) {
  const hash = hashing(0x43b0d7e5, 0x931e8875);
  const pool = [seed & WORD, seed >> 32n, 0n, 0n].map((word) => hash(Number(word)));
  for (let from = 0; from < 4; from += 1) {
    for (let to = 0; to < 4; to += 1) {
      if (from === to) continue;
      const mixed = Math.imul(0xca01f9dd, pool[to]) - Math.imul(0x4973f715, hash(pool[from]));
      pool[to] = (mixed | 0) ^ ((mixed | 0) >>> 16);
    }
  }
  const last = hashing(0x8b51f9dd, 0x58f38ded);
  return Array.from({ length: 8 }, (_, i) => BigInt(last(pool[i % 4]) >>> 0));
}

/**
 * A whole number from 0, less than `count`.
 * @param {bigint} seed from 0 to 2^64 - 1
 * @param {number} count
 */
export function drawn(seed, count) {
  if (count < 2) return 0;
  const words = spread(seed);
  const wide = (/** @type {number} */ at) => (words[at + 1] << 96n) | (words[at] << 64n) | (words[at + 3] << 32n) | words[at + 2];
  const increment = ((wide(4) << 1n) | 1n) & LONGEST;
  let state = (increment + wide(0)) & LONGEST;
  const step = () => {
    state = (state * MULTIPLIER + increment) & LONGEST;
  };
  step();
  const halves = /** @type {bigint[]} */ ([]);
  const half = () => {
    if (!halves.length) {
      step();
      const value = ((state >> 64n) ^ state) & LONG;
      const turn = state >> 122n;
      const turned = ((value >> turn) | (value << (64n - turn))) & LONG;
      halves.push(turned & WORD, turned >> 32n);
    }
    return /** @type {bigint} */ (halves.shift());
  };
  // Lemire's way (2019) to a range, without a bias.
  const range = BigInt(count);
  const threshold = (WORD + 1n - range) % range;
  let product = half() * range;
  while ((product & WORD) < threshold) product = half() * range;
  return Number(product >> 32n);
}
