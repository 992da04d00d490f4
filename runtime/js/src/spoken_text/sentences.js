/**
 * Text as it arrives, cut into sentences, in memory that does not grow with the text.
 *
 * A sentence ends at a full stop, a question or an exclamation mark with white space behind it, unless the full stop ends an
 * abbreviation or a small letter follows; at an empty line; and at a line that begins a list's item. What is longer than
 * LONGEST characters is cut at a comma or a space, or wherever it must be.
 */
import { BEFORE_NUMBER, NEVER_LAST } from "./abbreviations.js";
import { pattern, stripped } from "./patterns.js";

const LONGEST = 400;
const BLANK = String.raw`(?:(?!\n)\s)`;
/** A sentence's last mark with the quotes and brackets that close behind it, or what ends a line for good. */
const END = pattern(
  String.raw`[.!?…]+["')\]”’»]*(?=\s)|\n${BLANK}*\n|\n(?=${BLANK}*(?:[-*•]|\p{Nd}{1,3}[.)])\s)`, "gu",
);
const BLANKS = pattern(`${BLANK}+`, "g");
const SPACE = pattern(String.raw`\s*`, "y");
const LAST_WORD = pattern(String.raw`(?:(?![(\[\"'])\S)*$`);
const LONGEST_ABBREVIATION = 12;
const SOFT = pattern(String.raw`[,;:—](?=\s)|\s`, "g");
/** What Python takes for a digit. */
const DIGIT = /[\p{Nd}²³¹⁰⁴-⁹₀-₉①-⑨⑴-⑼⒈-⒐⓪⓵-⓽⓿❶-❾➀-➈➊-➒]/u;

/**
 * Takes text piece by piece. A sentence comes out when the text says that it is over, which for one that ends in a mark is the
 * first character of the next one, or the line's end.
 */
export class SentenceSplitter {
  constructor() {
    this.rest = "";
  }

  /** The sentences that are over now. @param {string} text */
  feed(text) {
    return this.take(this.rest + text, false);
  }

  /** The sentences that are left, when no more text comes. */
  finish() {
    return this.take(this.rest, true);
  }

  /** @param {string} text @param {boolean} final */
  take(text, final) {
    const found = [];
    let start = behindSpace(text, 0);
    while (start < text.length) {
      const end = sentenceEnd(text, start, final);
      if (end === null) break;
      found.push(stripped(text.slice(start, end)));
      start = behindSpace(text, end);
    }
    // Blanks without end must not be kept.
    this.rest = text.slice(start).replace(BLANKS, " ");
    return found;
  }
}

/** @param {string} text @param {number} place */
function behindSpace(text, place) {
  SPACE.lastIndex = place;
  SPACE.exec(text);
  return SPACE.lastIndex;
}

/**
 * Where so many characters end, some of which may take two places.
 * @param {string} text
 * @param {number} start
 * @param {number} count
 */
function placeAfter(text, start, count) {
  let place = start;
  for (let i = 0; i < count; i += 1) place += /** @type {number} */ (text.codePointAt(place) ?? 0) > 0xffff ? 2 : 1;
  return place;
}

/**
 * Where the sentence from `start` ends, or null where only more text can tell.
 * @param {string} text
 * @param {number} start
 * @param {boolean} final
 */
function sentenceEnd(text, start, final) {
  const limit = placeAfter(text, start, LONGEST);
  for (const match of text.slice(start, limit).matchAll(END)) {
    const verdict = endsSentence(text, start, match[0], start + match.index);
    if (verdict) return start + match.index + match[0].length;
    if (verdict === null && !final) return null;
  }
  if (text.length > limit) return softEnd(text, start, limit);
  return final ? text.length : null;
}

/**
 * Whether a mark at a place ends a sentence; null where the text stops too early to tell.
 * @param {string} text
 * @param {number} start
 * @param {string} mark
 * @param {number} place
 */
function endsSentence(text, start, mark, place) {
  if (mark[0] === "\n") return true;
  const word = LAST_WORD.exec(text.slice(Math.max(start, place - LONGEST_ABBREVIATION), place))?.[0] ?? "";
  const before = mark === "." ? word : "";
  if (neverLast(before)) return false;
  const end = place + mark.length;
  const after = behindSpace(text, end);
  if (text.slice(end, after).includes("\n")) return true;
  if (after === text.length) return null;
  const following = String.fromCodePoint(/** @type {number} */ (text.codePointAt(after)));
  if (DIGIT.test(following) && BEFORE_NUMBER.has(before.toLowerCase())) return false;
  // A question that is quoted goes on: "Why?" he asked.
  return !(/\p{Lowercase}/u.test(following) && (/^[.…]/.test(mark) || !/[.!?…]$/.test(mark)));
}

/** Whether a full stop behind this word belongs to it, as that of Mr., of e.g. and of an initial does. @param {string} word */
const neverLast = (word) => NEVER_LAST.has(word.toLowerCase()) || (/^\p{Lu}$/u.test(word) && word !== "I");

/**
 * The best place to cut a text without an end: the last comma or the last space of its second half.
 * @param {string} text
 * @param {number} start
 * @param {number} limit
 */
function softEnd(text, start, limit) {
  const half = placeAfter(text, start, LONGEST / 2);
  const found = Array.from(text.slice(half, limit).matchAll(SOFT));
  const best = found.findLast(([mark]) => /[,;:—]/.test(mark)) ?? found.at(-1);
  return best ? half + best.index + 1 : limit;
}
