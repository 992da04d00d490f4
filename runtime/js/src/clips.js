/** Clips of audio that end by themselves: many rows at once, nothing streamed. */
import { roundEven } from "./samplers.js";

/**
 * @param {import("./generator.js").TokenGenerator} generator
 * @returns {Promise<Float32Array[]>} each clip up to its end
 */
export async function generateClips(generator) {
  const audio = /** @type {{hop: number, delay: number, sample_rate: number}} */ (generator.manifest.audio);
  const state = generator.start();
  const tokens = /** @type {Float32Array[]} */ ([]);
  const longest = Math.max(roundEven((generator.manifest.defaults.seconds * audio.sample_rate) / audio.hop), 1);
  let over = Array(generator.batch).fill(longest);
  while (tokens.length < Math.min(longest, Math.max(...over) + 1)) {
    tokens.push(await generator.next(state));
    over = over.map((end, row) => (state.finished[row] ? Math.min(end, tokens.length) : end));
  }
  const samples = await generator.decode(state, tokens);
  const each = samples.length / generator.batch;
  return over.map((end, row) => {
    const clip = samples.slice(row * each + audio.delay, (row + 1) * each);
    // One token behind the end is kept: it holds what of the last sound dies away.
    const length = Math.min(end * audio.hop, clip.length);
    fadeOut(clip, length, audio.hop);
    return clip.slice(0, length);
  });
}

/**
 * The last `over` of `length` samples fade, in place.
 * @param {Float32Array} clip
 * @param {number} length
 * @param {number} over
 */
function fadeOut(clip, length, over) {
  const start = Math.max(length - over, 0);
  const count = length - start;
  for (let i = 0; i < count; i += 1) {
    const gain = count === 1 ? 1 : i === count - 1 ? 0 : i * (-1 / (count - 1)) + 1;
    clip[start + i] *= Math.fround(gain);
  }
}
