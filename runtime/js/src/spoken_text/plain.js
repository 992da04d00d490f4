/** Whatever is written, down to letters of the Latin alphabet, digits and signs: no mark-up, no accents, no emoji. */
import { InputError } from "../errors.js";
import { unescaped } from "./entities.js";
import { pattern } from "./patterns.js";

const TAG = /<\/?[A-Za-z][^<>]{0,500}>|<!--[^\n]{0,500}?-->/gu;
const LINK = pattern(String.raw`!?\[([^\[\]]{0,300})\]\([^()\s]{0,500}\)`, "gu");
/** What Unicode does not take apart by itself, or takes apart into something else than what is said. */
const SAID = new Map(Object.entries({
  ß: "ss", æ: "ae", Æ: "Ae", œ: "oe", Œ: "Oe", ø: "o", Ø: "O", ł: "l", Ł: "L", đ: "d", Đ: "D", ð: "th", Ð: "Th", þ: "th",
  Þ: "Th", ı: "i", "ʼ": "'", "‘": "'", "’": "'", "‛": "'", "“": '"', "”": '"', "«": '"', "»": '"', "‐": "-", "‑": "-",
  "‒": "-", "–": "-", "−": "-", "—": " -- ", "―": " -- ", "…": "...", "×": " times ", "÷": " divided by ",
  "±": " plus or minus ", "≈": " about ", "≠": " is not ", "≤": " at most ", "≥": " at least ", "∞": " infinity ",
  "µ": "μ", "½": " 1/2", "¼": " 1/4", "¾": " 3/4", "⅓": " 1/3", "⅔": " 2/3", "²": "^2", "³": "^3", "©": " copyright ",
  "§": " section ", "™": "", "®": "", "。": ". ", "、": ", ", "，": ", ",
}));
/** ASCII's printable characters, and signs that later steps read beside them. */
const KEPT = /^[ -~°£€¥₹μ]*$/;
const NOTHING_TO_DO = /^[\x01-\x1a\x1c-%'-;=-Z\\-\x7f]*$/;

/**
 * Text with none but ASCII's printable characters and the signs ° £ € ¥ ₹ μ. Mark-up goes, accents go, and whatever is no
 * letter, digit or known sign becomes a space: emoji, NUL and other control characters.
 * @param {string} text
 * @throws {InputError} for a letter of another script, which nobody here can say
 */
export function plain(text) {
  if (NOTHING_TO_DO.test(text)) return text;
  return Array.from(unescaped(text).replace(LINK, "$1").replace(TAG, " "), said).join("");
}

/** One character as ASCII and KEPT have it. @param {string} character */
function said(character) {
  const known = SAID.get(character);
  if (known !== undefined) return known;
  if (KEPT.test(character)) return character;
  if (/\p{Nd}/u.test(character)) return digit(character);
  const apart = character.normalize("NFKD").replace(/\p{Mn}/gu, "");
  if (/^[ -~]+$/.test(apart) || /^\p{Mn}$/u.test(character)) return apart;
  if (/[\p{Lu}\p{Ll}\p{Lt}\p{Lo}]/u.test(character)) {
    const code = /** @type {number} */ (character.codePointAt(0)).toString(16).toUpperCase().padStart(4, "0");
    throw new InputError(`cannot say '${character}' (U+${code}): this voice speaks English; write it with letters of the Latin alphabet`);
  }
  return " ";
}

/** A digit of another script, by where it stands among its ten. @param {string} character */
function digit(character) {
  const code = /** @type {number} */ (character.codePointAt(0));
  let first = code;
  while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first -= 1;
  return String((code - first) % 10);
}
