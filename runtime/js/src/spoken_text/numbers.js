/** Numbers as words, by Unicode's rules for English (CLDR), as far as Python's runtime uses them. */

/** A number of more digits is said digit by digit. */
const MOST_DIGITS = 15;
const ONES = [
  "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen",
  "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
];
const TENS = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const SCALES = /** @type {[number, string][]} */ ([[1e12, "trillion"], [1e9, "billion"], [1e6, "million"], [1e3, "thousand"], [100, "hundred"]]);
const ORDINALS = /** @type {Record<string, string>} */ ({
  one: "first", two: "second", three: "third", five: "fifth", eight: "eighth", nine: "ninth", twelve: "twelfth",
});

/**
 * The words of a whole number; `and` stands before what is below a hundred.
 * @param {number} number
 * @param {string} and
 * @returns {string}
 */
function spelled(number, and) {
  const scale = SCALES.find(([size]) => number >= size);
  if (scale) {
    const rest = number % scale[0];
    const before = `${spelled(Math.floor(number / scale[0]), and)} ${scale[1]}`;
    return rest ? `${before} ${rest < 100 ? and : ""}${spelled(rest, and)}` : before;
  }
  if (number < 20) return ONES[number];
  return TENS[Math.floor(number / 10)] + (number % 10 ? ` ${ONES[number % 10]}` : "");
}

/** Every digit of a text as a word. @param {string} text */
export const digits = (text) => Array.from(text.matchAll(/\d/g), ([digit]) => ONES[Number(digit)]).join(" ");

/**
 * The words of digits with or without commas between thousands, a point, and a minus before them: "two hundred and five
 * point one".
 * @param {string} text
 * @returns {string}
 */
export function cardinal(text) {
  if (text.startsWith("-")) return `minus ${cardinal(text.slice(1))}`;
  const [whole, part] = text.replaceAll(",", "").split(".");
  // Who writes 007 wants to hear the zeros.
  const asDigits = whole.length > MOST_DIGITS || (whole.length > 1 && whole[0] === "0");
  return (asDigits ? digits(whole) : spelled(Number(whole), "and ")) + (part ? ` point ${digits(part)}` : "");
}

/** The words of 21 as "twenty first". @param {string} text */
export function ordinal(text) {
  const whole = text.replaceAll(",", "");
  if (whole.length > MOST_DIGITS) return digits(whole);
  const words = spelled(Number(whole), "and ").split(" ");
  const last = words.pop() ?? "";
  return [...words, ORDINALS[last] ?? (last.endsWith("y") ? `${last.slice(0, -1)}ieth` : `${last}th`)].join(" ");
}

/** The words of 1984 as "nineteen eighty four". @param {string} text of up to four digits */
export function year(text) {
  const number = Number(text);
  if (number % 1000 < 10 || number < 1000) return spelled(number, "");
  const rest = number % 100;
  const said = rest === 0 ? "hundred" : rest < 10 ? `oh ${ONES[rest]}` : spelled(rest, "");
  return `${spelled(Math.floor(number / 100), "")} ${said}`;
}

/** The words of a decade: "nineteen eighties". @param {string} words */
export const plural = (words) => (words.endsWith("y") ? `${words.slice(0, -1)}ies` : words + (words.endsWith("x") ? "es" : "s"));
