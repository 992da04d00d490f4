/** Pictures in any order: whole ones, or given ones with their holes filled. */
import { InputError } from "../errors.js";
import { Images } from "../image.js";
import { plainSeed } from "../stream.js";
import { resolve } from "./config.js";
import { AnyOrderModel } from "./model.js";
import { fromPixels, toPixels } from "./variables.js";

/** @typedef {{count?: number} & import("./config.js").AnyOrderOptions} AnyOrderImageOptions */
/**
 * @typedef {object} FillImageChoices
 * @property {{pixels: Uint8Array | Uint8ClampedArray, height: number, width: number}} picture of any size, with the
 * model's channels; `Images` of one picture are such
 * @property {ArrayLike<number | boolean>} mask (height x width): what it has 0 comes back exactly as given, the rest is made
 * anew
 */

export class AnyOrderImageModel extends AnyOrderModel {
  kind = /** @type {const} */ ("image");

  /**
   * Generate pictures, as many as the bundle says unless `count` is given.
   * @param {AnyOrderImageOptions} [options]
   * @returns {Promise<Images>}
   */
  async generate({ count = this.manifest.defaults.count, ...choices } = {}) {
    const [rows, columns, channels] = this.variables.shape;
    const settings = resolve(this.manifest, choices);
    const values = new Int32Array(rows * columns * channels);
    const target = new Uint8Array(values.length).fill(1);
    const answers = await this.fillIn({ values, target, rows, columns }, count, settings);
    const size = { height: rows, width: columns, channels };
    return new Images(toPixels(answers, this.variables), size, plainSeed(settings.seed));
  }

  /**
   * Fill in what is missing of a picture; one answer unless `count` is given.
   * @param {FillImageChoices & AnyOrderImageOptions} options
   * @returns {Promise<Images>}
   */
  async fill({ picture, mask, count = 1, ...choices }) {
    const settings = resolve(this.manifest, choices);
    const { variables: spec, manifest: { name } } = this;
    const { pixels, height, width } = picture ?? {};
    const channels = spec.shape[2];
    const whole = (/** @type {number} */ side) => Number.isInteger(side) && side >= 1;
    const fits = (pixels instanceof Uint8Array || pixels instanceof Uint8ClampedArray) && whole(height) && whole(width)
      && pixels.length === height * width * channels;
    if (!fits || mask?.length !== height * width) {
      throw new InputError(
        `${name} fills in a picture {pixels, height, width}, a Uint8Array of height x width x ${channels}, with a mask of `
          + "height x width values",
      );
    }
    const target = Uint8Array.from(pixels, (_, i) => Number(Boolean(mask[Math.floor(i / channels)])));
    const given = { values: fromPixels(pixels, spec), target, rows: height, columns: width };
    const drawn = toPixels(await this.fillIn(given, count, settings), spec);
    const answers = drawn.map((value, i) => (target[i % pixels.length] ? value : pixels[i % pixels.length]));
    return new Images(answers, { height, width, channels }, plainSeed(settings.seed));
  }
}
