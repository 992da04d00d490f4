/** Text in any order: whole, or a given one with its holes filled. */
import { InputError } from "../errors.js";
import { plainSeed } from "../stream.js";
import { resolve } from "./config.js";
import { AnyOrderModel } from "./model.js";
import { filled, LONGEST, readTemplate, symbols } from "./templates.js";
import { dimensions } from "./variables.js";

/** What is made into a hole of the templates of whole texts. */
const HOLE = "?";

/**
 * @typedef {object} Texts
 * @property {string} text the first one
 * @property {string[]} texts all of them
 * @property {number | bigint} seed makes the same again
 */
/** @typedef {{count?: number} & import("./config.js").AnyOrderOptions} AnyOrderTextOptions */
/**
 * @typedef {object} FillTextChoices
 * @property {string} template text of any length; all but its holes comes back exactly
 * @property {string} [hole] the character that marks a hole, one of ASCII; "?" unless given
 */

export class AnyOrderTextModel extends AnyOrderModel {
  kind = /** @type {const} */ ("text");

  /**
   * Make text of `length` symbols, a window's unless given.
   * @param {{length?: number} & AnyOrderTextOptions} [options]
   * @returns {Promise<Texts>}
   */
  async generate({ length = dimensions(this.variables), ...options } = {}) {
    if (!(Number.isInteger(length) && length >= 1 && length <= LONGEST)) {
      throw new InputError(`length must be from 1 to ${LONGEST}, not ${length}`);
    }
    return this.fill({ ...options, template: HOLE.repeat(length), hole: HOLE });
  }

  /**
   * Fill the holes of a text.
   * @param {FillTextChoices & AnyOrderTextOptions} options
   * @returns {Promise<Texts>}
   */
  async fill({ template, hole = HOLE, count = 1, ...choices }) {
    const given = readTemplate(template, hole);
    const settings = resolve(this.manifest, choices);
    const { alphabet } = this.variables;
    const columns = given.letters.length;
    const values = symbols(given, alphabet);
    const answers = await this.fillIn({ values, target: given.holes, rows: 1, columns }, count, settings);
    const texts = Array.from({ length: count }, (_, row) =>
      filled(given, answers.subarray(row * columns, (row + 1) * columns), alphabet));
    return { text: texts[0], texts, seed: plainSeed(settings.seed) };
  }
}
