/**
 * Counter-based noise: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
 *
 * A normal value depends on nothing but (seed, row, token, step, channel):
 *
 *     key      = (seed mod 2^32, seed div 2^32)
 *     counter  = (block, row, token, step);  block b makes the channels 4 b to 4 b + 3
 *     step     = 0 for the sampler's initial noise, i + 1 for its step i
 *     normals  = Box-Muller on u = (word + 1/2) / 2^32: words 0, 1 and words 2, 3 each give a cosine and a sine value
 */

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;
const ROUNDS = 10;

/**
 * The upper 32 bits of a product of two numbers of 32 bits.
 * @param {number} a
 * @param {number} b
 */
function high(a, b) {
  const a0 = a & 0xffff;
  const a1 = a >>> 16;
  const b0 = b & 0xffff;
  const b1 = b >>> 16;
  // Each sum stays below 2^53, where doubles are exact.
  const middle = a1 * b0 + Math.floor((a0 * b0) / 0x10000);
  const low = a0 * b1 + (middle % 0x10000);
  return (a1 * b1 + Math.floor(middle / 0x10000) + Math.floor(low / 0x10000)) >>> 0;
}

/**
 * Ten rounds on a counter of four 32-bit words, with a key of two; the result takes the counter's place.
 * @param {Uint32Array} counter
 * @param {number} key0
 * @param {number} key1
 */
export function philox4x32(counter, key0, key1) {
  let a = counter[0];
  let b = counter[1];
  let c = counter[2];
  let d = counter[3];
  let k0 = key0;
  let k1 = key1;
  for (let round = 0; round < ROUNDS; round += 1) {
    const first = high(M1, c) ^ b ^ k0;
    const third = high(M0, a) ^ d ^ k1;
    b = Math.imul(M1, c);
    d = Math.imul(M0, a);
    a = first;
    c = third;
    k0 = (k0 + W0) | 0;
    k1 = (k1 + W1) | 0;
  }
  counter[0] = a;
  counter[1] = b;
  counter[2] = c;
  counter[3] = d;
}

/**
 * Standard normal noise (steps, rows, channels) of one token.
 * @param {bigint} seed from 0 to 2^64 - 1
 * @param {number} rows
 * @param {number} token
 * @param {number} steps
 * @param {number} channels
 * @returns {Float32Array}
 */
export function normal(seed, rows, token, steps, channels) {
  const key0 = Number(seed & 0xffffffffn);
  const key1 = Number(seed >> 32n);
  const values = new Float32Array(steps * rows * channels);
  const counter = new Uint32Array(4);
  const four = new Float64Array(4);
  for (let step = 0; step < steps; step += 1) {
    for (let row = 0; row < rows; row += 1) {
      const start = (step * rows + row) * channels;
      for (let block = 0; block * 4 < channels; block += 1) {
        counter.set([block, row, token, step]);
        philox4x32(counter, key0, key1);
        for (let pair = 0; pair < 4; pair += 2) {
          const radius = Math.sqrt(-2 * Math.log((counter[pair] + 0.5) * 2 ** -32));
          const angle = 2 * Math.PI * ((counter[pair + 1] + 0.5) * 2 ** -32);
          four[pair] = radius * Math.cos(angle);
          four[pair + 1] = radius * Math.sin(angle);
        }
        const most = Math.min(4, channels - block * 4);
        for (let i = 0; i < most; i += 1) values[start + block * 4 + i] = four[i];
      }
    }
  }
  return values;
}
