/** Pictures, token by token: from the top down, or a thumbnail first and then its details. */
import { labelRows, resolve } from "./config.js";
import { InputError } from "./errors.js";
import { TokenGenerator } from "./generator.js";
import { roundEven } from "./samplers.js";
import { selfTest } from "./self_test.js";
import { plainSeed } from "./stream.js";

/**
 * @typedef {object} ImageChoices
 * @property {import("./config.js").Label | import("./config.js").Label[]} [label] one for all, or one for each picture
 * @property {number} [count] the bundle's default unless given
 */
/** @typedef {ImageChoices & import("./config.js").GenerationOptions} ImageOptions */

/** Pictures uint8 (count, height, width, channels), one after the other in `pixels`. `seed` makes the same again. */
export class Images {
  /**
   * @param {Uint8Array} pixels
   * @param {{height: number, width: number, channels: number}} size
   * @param {number | bigint} seed
   */
  constructor(pixels, { height, width, channels }, seed) {
    this.pixels = pixels;
    this.height = height;
    this.width = width;
    this.channels = channels;
    this.count = pixels.length / (height * width * channels);
    this.seed = seed;
  }

  /**
   * One picture as a canvas takes it: `new ImageData(images.rgba(0), images.width)`.
   * @param {number} index
   * @returns {Uint8ClampedArray}
   */
  rgba(index) {
    const size = this.height * this.width;
    const own = this.pixels.subarray(index * size * this.channels, (index + 1) * size * this.channels);
    const all = new Uint8ClampedArray(size * 4).fill(255);
    for (let i = 0; i < size; i += 1) {
      for (let c = 0; c < 3; c += 1) all[i * 4 + c] = own[i * this.channels + (c % this.channels)];
    }
    return all;
  }
}

/** Generates pictures of one size. */
export class ImageModel {
  /** @param {import("./bundle.js").Bundle} bundle */
  constructor(bundle) {
    this.bundle = bundle;
    this.manifest = bundle.manifest;
    this.kind = /** @type {const} */ ("image");
  }

  get spec() {
    return /** @type {{height: number, width: number, channels: number, levels: number}} */ (this.manifest.image);
  }

  get labels() {
    return this.manifest.labels;
  }

  /** Tokens of a picture. */
  get length() {
    return /** @type {number} */ (this.manifest.tokens.length);
  }

  /**
   * @param {ImageOptions} [options]
   * @returns {Promise<Images>}
   */
  async generate(options = {}) {
    let last;
    for await (const images of this.stream({ ...options, every: this.length })) last = images;
    return /** @type {Images} */ (last);
  }

  /**
   * Generate pictures and see them grow: after every so many tokens, and after the last.
   * @param {ImageOptions & {every?: number}} [options]
   * @returns {AsyncGenerator<Images, void>}
   */
  async *stream(options = {}) {
    const { label, count, every = 1, ...choices } = options;
    if (!(Number.isInteger(every) && every >= 1 && every <= this.length)) {
      throw new InputError(`every must be from 1 to ${this.length} tokens, not ${every}`);
    }
    const settings = resolve(this.manifest, choices, labelRows(label, count, this.manifest.defaults.count));
    const generator = await TokenGenerator.create(this.bundle, settings);
    const state = generator.start();
    const tokens = /** @type {Float32Array[]} */ ([]);
    while (tokens.length < this.length) {
      tokens.push(await generator.next(state));
      if (tokens.length % every && tokens.length < this.length) continue;
      const missing = Array(this.length - tokens.length).fill(new Float32Array(tokens[0].length));
      const decoded = await generator.decode(state, [...tokens, ...missing]);
      const pixels = Uint8Array.from(decoded, (x) => roundEven(Math.fround(Math.min(Math.max(x, 0), 1) * 255)));
      yield new Images(pixels, this.spec, plainSeed(settings.seed));
    }
  }

  /** Make again what the bundle's test vectors have, and compare: a list of `{what, difference, tolerance, passed}`. */
  selfTest() {
    return selfTest(this);
  }

  /** Frees the memory of the graphs. */
  release() {
    return this.bundle.release();
  }
}
