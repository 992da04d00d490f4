/**
 * The pronouncing dictionary of a bundle: a text that was compressed by xz, one word a line, in the order of the words. A line
 * is the word in small letters, a tab, and its phones with spaces between them; further pronunciations follow, each behind
 * another tab. The whole begins with a line's end.
 */
import { BundleError } from "../errors.js";
import { PHONES } from "./phones.js";
import { unpacked } from "./xz.js";

export const MAX_PACKED = 16 << 20;
const MAX_BYTES = 64 << 20;
const LINE_END = 10;
const TAB = 9;
const KNOWN = new Set(PHONES);

/** @typedef {import("./phones.js").Phones} Phones */

/** Words to pronunciations. It stays the text that it is, and its lines are searched by halves. */
export class Lexicon {
  /**
   * @param {Uint8Array} packed
   * @param {string} file names it in errors
   * @throws {BundleError} for what is no xz file, or too large
   */
  constructor(packed, file = "lexicon") {
    this.file = file;
    try {
      this.text = unpacked(packed, MAX_BYTES);
    } catch (error) {
      throw new BundleError(`${file}: damaged: ${/** @type {Error} */ (error).message}; fetch or export the bundle again`);
    }
    if (this.text[0] !== LINE_END || this.text.at(-1) !== LINE_END) {
      throw new BundleError(`${file}: expected one xz stream of up to ${MAX_BYTES} bytes of whole lines`);
    }
  }

  /**
   * The pronunciations of a word in small letters, the commonest first; none where it is not there.
   * @param {string} word
   * @returns {Phones[]}
   * @throws {BundleError} where they are none
   */
  find(word) {
    const line = new TextDecoder().decode(this.line(new TextEncoder().encode(word)));
    const found = line.split("\t").slice(1).map((phones) => phones.split(" "));
    if (!found.every((phones) => phones.every((phone) => KNOWN.has(phone)))) {
      throw new BundleError(`${this.file}: ${word}: expected phones of ARPAbet, found ${JSON.stringify(line.slice(0, 80))}`);
    }
    return found;
  }

  /** The line of a word, empty where there is none. @param {Uint8Array} word */
  line(word) {
    let [low, high] = [0, this.text.length - 1];
    while (low < high) {
      // The line around the middle: `low` is always the end of a line, and so is `high`.
      const start = this.text.lastIndexOf(LINE_END, Math.floor((low + high) / 2));
      const end = this.text.indexOf(LINE_END, start + 1);
      const order = this.compare(start + 1, end, word);
      if (order === 0) return this.text.subarray(start + 1, end);
      if (order < 0) low = end;
      else high = start;
    }
    return new Uint8Array(0);
  }

  /**
   * Whether the key of a line comes before a word (less than 0), is it, or comes behind it.
   * @param {number} start
   * @param {number} end
   * @param {Uint8Array} word
   */
  compare(start, end, word) {
    for (let i = 0; ; i += 1) {
      const over = start + i === end || this.text[start + i] === TAB;
      if (over || i === word.length) return Number(i === word.length) - Number(over);
      if (this.text[start + i] !== word[i]) return this.text[start + i] - word[i];
    }
  }
}
