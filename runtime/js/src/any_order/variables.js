/**
 * Pictures, text and sound as integers, and back: the variables of any-order models.
 *
 * `subtract_green` replaces red and blue by their differences to green modulo 256, plus 136.
 */
import { InputError } from "../errors.js";
import { roundEven } from "../samplers.js";
import { fromMulaw, toMulaw } from "./mulaw.js";

const CENTRE = 136;

/** @typedef {import("./manifest.js").Variables} Variables */

/**
 * Variables of a window.
 * @param {Variables} spec
 */
export const dimensions = ({ shape }) => shape.reduce((a, b) => a * b, 1);

/**
 * Values in the block that a stage starts from; 1 after the last.
 * @param {Variables} spec
 * @param {number} stage
 */
export const width = ({ branching, stages }, stage) => branching ** (stages - stage);

/**
 * Whether red and blue are differences to green.
 * @param {Variables} spec
 */
const differs = ({ levels, colour }) => levels >= 256 && colour === "subtract_green";

/**
 * Pixels -> values of the same layout; a grey between two levels goes to the nearer.
 * @param {ArrayLike<number>} pixels 0 to 255, channels innermost
 * @param {Variables} spec
 * @returns {Int32Array}
 */
export function fromPixels(pixels, spec) {
  const { levels, shape: [, , channels] } = spec;
  if (levels < 256) return Int32Array.from(pixels, (pixel) => roundEven(pixel * ((levels - 1) / 255)));
  const values = Int32Array.from(pixels);
  if (!differs(spec)) return values;
  for (let i = 0; i < values.length; i += channels) {
    for (let c = 0; c < channels; c += 2) values[i + c] = (values[i + c] - values[i + 1] + CENTRE + 256) % 256;
  }
  return values;
}

/**
 * The inverse. Differences that a model drew may lead beyond black or white: there they stop.
 * @param {Int32Array} values
 * @param {Variables} spec
 * @returns {Uint8Array}
 */
export function toPixels(values, spec) {
  const { levels, shape: [, , channels] } = spec;
  if (levels < 256) return Uint8Array.from(values, (value) => roundEven(value * (255 / (levels - 1))));
  if (!differs(spec)) return Uint8Array.from(values);
  const pixels = new Uint8ClampedArray(values);
  for (let i = 0; i < values.length; i += channels) {
    for (let c = 0; c < channels; c += 2) pixels[i + c] = values[i + c] + values[i + 1] - CENTRE;
  }
  return new Uint8Array(pixels.buffer);
}

/**
 * Bytes -> symbols.
 * @param {Uint8Array} bytes
 * @param {string} alphabet "" for the bytes themselves
 * @returns {Int32Array}
 * @throws {InputError} for a byte that the alphabet lacks
 */
export function fromText(bytes, alphabet) {
  if (!alphabet) return Int32Array.from(bytes);
  return Int32Array.from(bytes, (byte, place) => {
    const code = alphabet.indexOf(String.fromCharCode(byte));
    if (code < 0) throw new InputError(`byte ${byte} at place ${place} is not in the model's alphabet ${JSON.stringify(alphabet)}`);
    return code;
  });
}

/**
 * Symbols -> bytes.
 * @param {Int32Array} symbols
 * @param {string} alphabet
 * @returns {Uint8Array}
 */
export const toText = (symbols, alphabet) =>
  Uint8Array.from(symbols, (code) => (alphabet ? alphabet.charCodeAt(code) : code));

/**
 * A 16-bit sample -> its value: mu-law where there are 256 levels.
 * @param {number} sample
 * @param {Variables} spec
 */
export const fromSample = (sample, { levels }) => (levels === 256 ? toMulaw(sample) : sample + 32768);

/**
 * The inverse; of mu-law, the middle of the level.
 * @param {number} value
 * @param {Variables} spec
 */
export const toSample = (value, { levels }) => (levels === 256 ? fromMulaw(value) : value - 32768);
