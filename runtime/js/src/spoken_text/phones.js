/**
 * The phones of American English, as the CMU Pronouncing Dictionary writes them (ARPAbet), and the symbols that voices and
 * durations are conditioned on: phones and pauses. A vowel ends in its stress: 0 none, 1 primary, 2 secondary; symbols tell
 * stressed from unstressed alone.
 */
const VOWELS = ["AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW"];
const CONSONANTS = [
  "B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N", "NG", "P", "R", "S", "SH", "T", "TH", "V", "W", "Y", "Z", "ZH",
];
/** @param {number[]} stresses */
const stressed = (...stresses) => VOWELS.flatMap((vowel) => stresses.map((stress) => `${vowel}${stress}`));

/** The phones of a word. @typedef {string[]} Phones */

export const PHONES = [...CONSONANTS, ...stressed(0, 1, 2)];
/** Silence before a sentence. */
export const START = "pau";
/** A pause within one. */
export const BREAK = ",";
export const ENDS = [".", "?", "!"];
export const PAUSES = [START, BREAK, ...ENDS];
export const SYMBOLS = [...PAUSES, ...CONSONANTS, ...stressed(0, 1)];
/** The number of each symbol. */
export const INDEX = new Map([
  ...SYMBOLS.map((symbol, number) => /** @type {[string, number]} */ ([symbol, number])),
  ...VOWELS.map((vowel) => /** @type {[string, number]} */ ([`${vowel}2`, SYMBOLS.indexOf(`${vowel}1`)])),
]);
/** Where a phone stands in its word. A pause is inside. */
export const INSIDE = 0;
const [FIRST, LAST, ONLY] = [1, 2, 3];
export const PLACES = 4;

/** The places of the phones of a word. @param {number} length @returns {number[]} */
export function places(length) {
  if (length < 2) return Array(length).fill(ONLY);
  return [FIRST, ...Array(length - 2).fill(INSIDE), LAST];
}
