/**
 * Mu-law of ITU-T G.711 on 16-bit samples, in integers only, as places in order: 0 is the most negative of 256 levels.
 *
 * A magnitude plus 132 has its leading bit at place 7 to 14; that place (8 segments) and the four bits behind it make the
 * code, so the levels are 8 apart near zero and 1,024 apart at the ends.
 */

const BIAS = 132;
const LARGEST = 32635;

/**
 * A 16-bit sample -> its place, 0 to 255.
 * @param {number} sample
 */
export function toMulaw(sample) {
  const magnitude = Math.min(Math.abs(sample), LARGEST) + BIAS;
  const segment = 24 - Math.clz32(magnitude);
  const code = segment * 16 + ((magnitude >> (segment + 3)) & 15);
  return sample < 0 ? 127 - code : 128 + code;
}

/**
 * A place, 0 to 255 -> the 16-bit sample in the middle of its level.
 * @param {number} place
 */
export function fromMulaw(place) {
  const code = place < 128 ? 127 - place : place - 128;
  const segment = code >> 4;
  const magnitude = ((((code & 15) << 1) + 33) << (segment + 2)) - BIAS;
  // Not -magnitude, for zero has no sign here.
  return place < 128 ? 0 - magnitude : magnitude;
}
