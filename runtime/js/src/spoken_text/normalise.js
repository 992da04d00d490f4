/** A sentence as it is written to the words that are said, and the pauses between them. */
import { expandAbbreviations } from "./abbreviations.js";
import { expandMoney, expandUnits, NUMBER } from "./amounts.js";
import { expandDates, expandTimes } from "./calendar.js";
import { cardinal, digits, ordinal, plural } from "./numbers.js";
import { escaped, pattern } from "./patterns.js";
import { BREAK, ENDS } from "./phones.js";
import { plain } from "./plain.js";

const EMAIL = pattern(String.raw`\b[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64})+`, "g");
const ADDRESS = pattern(String.raw`\b(?:https?://|www\.)[^\s<>"']{1,300}`, "gi");
const SCHEME = /^https?:\/\/(?:www\.)?|^www\./i;
const SAID_IN_ADDRESS = new Map(Object.entries({
  ".": "dot", "/": "slash", "@": "at", "-": "dash", _: "underscore", "?": "question mark", "=": "equals", "&": "and",
  "#": "hash", ":": "colon", "+": "plus", "%": "percent", "~": "tilde",
}));
const INITIALS = pattern(String.raw`\b(?:[A-Za-z]\.){2,}|\b(?:[A-Z]\.\s?)(?=[A-Z][a-z])`, "g");
const ORDINAL = pattern(String.raw`(?<![\w.])(\d[\d,]*)(?:st|nd|rd|th)\b`, "gi");
const FRACTION = pattern(String.raw`(?<![\w./])(?:(\d+)\s+)?(\d{1,3})/(\d{1,3})(?![\w/]|\.\d)`, "g");
const HALVES = /** @type {Record<string, string[]>} */ ({ 2: ["half", "halves"], 4: ["quarter", "quarters"] });
const TELEPHONE = pattern(
  String.raw`(?<![\w.-])\+?(?:\(\d{2,5}\)\s?|\d{1,4}[\s-])?(?:\d{3}[\s-])?\d{3}-\d{4}(?![\w-])|(?<!\w)\+\d[\d\s-]{5,18}\d\b`, "g",
);
const RANGE = pattern(String.raw`(?<![\w.-])(${NUMBER})\s?-\s?(${NUMBER})(?![\w-])`, "g");
const DOTTED_NUMBER = pattern(String.raw`(?<![\w.])\d+(?:\.\d+){2,}(?!\w)`, "g");
const SIGNED = pattern(String.raw`(?<![\w.)])-(${NUMBER})`, "g");
const PLAIN_NUMBER = pattern(NUMBER, "g");
const LETTER_DIGIT = /(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])/g;
const PLURAL_NUMBER = pattern(String.raw`\b(\d+)'?s\b`, "g");
const SIGNS = new Map(Object.entries({
  "&": "and", "@": "at", "%": "percent", "+": "plus", "=": "equals", "°": "degrees", $: "dollars", "£": "pounds",
  "€": "euros", "¥": "yen", "₹": "rupees", "μ": "micro",
}));
const SIGN = new RegExp(Array.from(SIGNS.keys(), escaped).join("|"), "g");
const HASH = /#(?=\d)/g;
const ROMAN = pattern(String.raw`\b(Chapter|Part|Act|Scene|Book|Volume|Section|Phase|War)\s+([IVX]{1,6})\b`, "g");
const ROMAN_VALUES = /** @type {Record<string, number>} */ ({ I: 1, V: 5, X: 10 });
const TOKEN = pattern(String.raw`[A-Za-z]+(?:'[A-Za-z]+)*|_[A-Za-z]|--+|[,;:()\[\]{}]|\s-\s|[.?!]+`, "g");

/**
 * The tokens of one sentence: words as they were written, names of single letters as "a.", BREAK for a pause, and at the end
 * one of ENDS. Empty where there is nothing to say.
 * @param {string} sentence
 * @returns {string[]}
 * @throws {import("../errors.js").InputError} for letters of other scripts
 */
export function normalise(sentence) {
  let text = plain(sentence).replace(EMAIL, spellAddress);
  text = text.replace(ADDRESS, (address) => spellAddress(address.replace(SCHEME, "").replace(/[.,;:!?)/]+$/, "")));
  text = text.replace(ROMAN, (_, part, numeral) => `${part} ${roman(numeral)}`);
  text = expandMoney(expandTimes(expandDates(text.replaceAll("_", " "))));
  text = expandAbbreviations(text).replace(INITIALS, spell);
  text = expandNumbers(expandUnits(text));
  return tokens(text.replace(SIGN, (sign) => ` ${SIGNS.get(sign)} `));
}

/** @param {string} address */
function spellAddress(address) {
  const parts = Array.from(address, (c) => (SAID_IN_ADDRESS.has(c) ? ` ${SAID_IN_ADDRESS.get(c)} ` : c));
  return ` ${parts.join("")} `;
}

/** Every letter by its name, in the form that `tokens` reads. @param {string} text */
const spell = (text) => `${Array.from(text.matchAll(/[A-Za-z]/g), ([c]) => ` _${c.toLowerCase()}`).join(" ")} `;

/** @param {string} numeral */
function roman(numeral) {
  const values = Array.from(numeral, (c) => ROMAN_VALUES[c]);
  return values.reduce((sum, value, i) => sum + (value < (values[i + 1] ?? 0) ? -value : value), 0);
}

/** Whatever digits are left, as words. @param {string} text */
const expandNumbers = (text) => text
  .replace(HASH, "number ")
  .replace(TELEPHONE, (number) => ` ${Array.from(number.matchAll(/\d+/g), ([part]) => digits(part)).join(", ")} `)
  .replace(FRACTION, fraction)
  .replace(DOTTED_NUMBER, (number) => number.split(".").map(cardinal).join(" point "))
  .replace(RANGE, (_, from, to) => `${cardinal(from)} to ${cardinal(to)}`)
  .replace(ORDINAL, (_, number) => ordinal(number))
  .replace(PLURAL_NUMBER, (_, number) => plural(cardinal(number)))
  .replace(SIGNED, (_, number) => ` minus ${number}`)
  .replace(LETTER_DIGIT, " ")
  .replace(PLAIN_NUMBER, (number) => ` ${cardinal(number)} `);

/** @param {string} _ @param {string | undefined} whole @param {string} upper @param {string} lower */
function fraction(_, whole, upper, lower) {
  const before = whole ? `${cardinal(whole)} and ` : "";
  if (Number(lower) < 2 || Number(lower) > 100 || Number(upper) >= Number(lower)) {
    return `${before}${cardinal(upper)} over ${cardinal(lower)}`;
  }
  const [one, several] = HALVES[lower] ?? [ordinal(lower), plural(ordinal(lower))];
  return `${before}${whole && upper === "1" ? "a" : cardinal(upper)} ${upper === "1" ? one : several}`;
}

/**
 * Words and pauses; a pause neither begins a sentence nor follows another. A lone letter goes by its name, unless it is one of
 * the words I and a; a capital A before a pause is no word.
 * @param {string} text
 */
function tokens(text) {
  const found = /** @type {string[]} */ ([]);
  const shouted = !/[a-z]/.test(text) && LONG_WORD.test(text);
  let ending = ".";
  for (const { 0: token, index } of (shouted ? text.toLowerCase() : text).matchAll(TOKEN)) {
    const isWord = /^[A-Za-z_]/.test(token);
    if (token[0] === "_") found.push(`${token[1]}.`);
    else if (isWord) found.push(token.length === 1 && !/[aiAI]/.test(token) ? `${token.toLowerCase()}.` : token);
    else if (ENDS.includes(token[0])) {
      // A point within a word.
      if (token.length === 1 && /[A-Za-z0-9]/.test(text[index + 1] ?? "")) continue;
      ending = token.includes("?") ? "?" : token[0];
    }
    if (isWord || !found.length || found.at(-1) === BREAK) continue;
    if (found.at(-1) === "A" && found.length > 1) found[found.length - 1] = "a.";
    found.push(BREAK);
  }
  if (found.at(-1) === BREAK) found.pop();
  return found.length ? [...found, ending] : [];
}

const LONG_WORD = pattern(String.raw`\S{6}`);
