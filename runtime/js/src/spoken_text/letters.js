/**
 * Words that no dictionary has, by a network from letters to phones whose outputs are read greedily (CTC, Graves et al. 2006):
 * the likeliest symbol of each slot, equal neighbours as one, blanks left out.
 */
import { output } from "./outputs.js";
import { PHONES } from "./phones.js";

/** Begin and end of a word stand around its letters. */
const LETTERS = "^$'abcdefghijklmnopqrstuvwxyz";
/** Slots of a letter, and what a slot may hold: nothing (number 0), or a phone. */
const SLOTS = 2;
export const CLASSES = 1 + PHONES.length;
/** Longer words go through the network in pieces. */
const LONGEST_WORD = 40;

/** The network at work. */
export class LetterSounds {
  /** @param {import("../bundle.js").Bundle<any>} bundle with the graph `letters` */
  constructor(bundle) {
    this.bundle = bundle;
  }

  /** The phones of a word of the letters a to z and apostrophes. @param {string} word */
  async pronounce(word) {
    const phones = [];
    for (let start = 0; start < word.length; start += LONGEST_WORD) {
      phones.push(...(await this.piece(word.slice(start, start + LONGEST_WORD))));
    }
    return phones;
  }

  /** @param {string} word */
  async piece(word) {
    const numbers = BigInt64Array.from(`^${word}$`, (letter) => BigInt(LETTERS.indexOf(letter)));
    const feed = { letters: /** @type {[BigInt64Array, number[]]} */ ([numbers, [1, numbers.length]]) };
    return readGreedily(await output(this.bundle, "letters", feed, "log_probabilities", [1, SLOTS * numbers.length, CLASSES]));
  }
}

/** The phones of one word's slots (slots, CLASSES). @param {Float32Array} probabilities */
function readGreedily(probabilities) {
  const phones = [];
  let before = 0;
  for (let start = 0; start < probabilities.length; start += CLASSES) {
    const slot = probabilities.subarray(start, start + CLASSES);
    const best = slot.indexOf(Math.max(...slot));
    if (best && best !== before) phones.push(PHONES[best - 1]);
    before = best;
  }
  return phones;
}
