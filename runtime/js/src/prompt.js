/** Sound that a stream goes on from. */
import { InputError } from "./errors.js";

/** Tokens of a piece of a prompt. */
const PIECE = 512;

/**
 * Go on from a recording: everything that follows its last whole token.
 * @param {import("./stream.js").Stream} stream
 * @param {Float32Array} prompt
 * @returns {Promise<Float32Array>} the part of the prompt that comes before the first chunk
 */
export async function takeIn(stream, prompt) {
  const { generator, progress, audio } = stream;
  if (!(prompt instanceof Float32Array) || !prompt.every(Number.isFinite)) {
    throw new InputError("prompt must be a Float32Array of finite samples");
  }
  if (!("encode" in generator.manifest.graphs && "parallel" in generator.manifest.graphs)) {
    throw new InputError(`${generator.manifest.name} makes sound and takes none: its bundle has no encoder`);
  }
  const usable = Math.floor(prompt.length / audio.hop) * audio.hop;
  if (!usable) {
    throw new InputError(`the prompt has ${prompt.length} samples; ${generator.manifest.name} needs at least ${audio.hop}`);
  }
  const samples = prompt.subarray(prompt.length - usable);
  const { channels, batch } = generator;
  const context = leftContext(generator.manifest);
  for (let start = 0; start < usable / audio.hop; start += PIECE) {
    const before = Math.min(context, start);
    const piece = samples.slice((start - before) * audio.hop, (start + PIECE) * audio.hop);
    const encoded = await generator.bundle.run("encode", { samples: [piece, [1, piece.length]] });
    const tokens = encoded.tokens.data.slice(before * channels);
    await generator.prefill(progress, tokens);
    const each = Array.from({ length: tokens.length / channels }, (_, i) => {
      const token = tokens.subarray(i * channels, (i + 1) * channels);
      return Float32Array.from({ length: batch * channels }, (__, j) => token[j % channels]);
    });
    await generator.decode(progress, each);
  }
  stream.skip = 0;
  if (stream.limit !== null) stream.limit += audio.delay;
  return samples.slice(0, Math.max(usable - audio.delay, 0));
}

/**
 * How many tokens before a piece its own tokens may depend on: as far as the decoder's convolutions reach, and two more.
 * @param {import("./manifest.js").Manifest} manifest
 */
function leftContext(manifest) {
  const lengths = manifest.states.filter((s) => s.graph === "decode" && s.shape.length === 3).map((s) => s.shape[1]);
  return lengths.reduce((/** @type {number} */ sum, n) => sum + (typeof n === "number" ? n : 0), 0) + 2;
}
