/** What abbreviations stand for, each with a full stop behind it in the text. */
import { pattern } from "./patterns.js";

/** @typedef {Map<string, string>} Said */
/** @param {Record<string, string>} said @returns {Said} */
const words = (said) => new Map(Object.entries(said));

const ALWAYS = words({
  mr: "mister", mrs: "missus", ms: "ms", messrs: "messrs", dr: "doctor", prof: "professor", capt: "captain", lt: "lieutenant",
  sgt: "sergeant", jr: "junior", sr: "senior", etc: "et cetera", "e.g": "for example", "i.e": "that is", vs: "versus",
  cf: "compare", viz: "namely", approx: "approximately", dept: "department", inc: "incorporated", ltd: "limited",
  corp: "corporation", bros: "brothers", blvd: "boulevard", rd: "road", hwy: "highway", jan: "january", feb: "february",
  apr: "april", aug: "august", sept: "september", oct: "october", nov: "november", dec: "december", tues: "tuesday",
  thurs: "thursday",
});
/** Words in their own right, unless a name (a capital) or a number comes next. */
const BEFORE_NAME = words({
  rev: "reverend", hon: "honorable", gen: "general", col: "colonel", gov: "governor", sen: "senator", rep: "representative",
  pres: "president", mt: "mount", ft: "fort", st: "saint",
});
export const BEFORE_NUMBER = words({
  no: "number", nos: "numbers", fig: "figure", vol: "volume", ch: "chapter", chap: "chapter", p: "page", pp: "pages",
  sec: "section", art: "article", mar: "march", jun: "june", jul: "july", sep: "september",
});
const ELSEWHERE = words({
  st: "street", ave: "avenue", apt: "apartment", mon: "monday", tue: "tuesday", wed: "wednesday", thu: "thursday", fri: "friday",
});
/** A full stop behind these goes on to something. */
export const NEVER_LAST = new Set([
  "mr", "mrs", "ms", "messrs", "dr", "prof", "rev", "gen", "col", "capt", "lt", "sgt", "gov", "sen", "st", "mt", "e.g", "i.e",
  "vs", "cf", "viz", "approx",
]);
const DOTTED = pattern(String.raw`\b([A-Za-z]{1,6}(?:\.[A-Za-z])?)\.(?=(\s*)(\S?))`, "g");

/** The text with abbreviations as words. The full stop of one that stands at the very end stays. @param {string} text */
export const expandAbbreviations = (text) => text.replace(DOTTED, (whole, word, space, after) => {
  const said = expansion(word, space ? after : "");
  if (said === undefined) return whole;
  return after ? said : `${said}.`;
});

/**
 * What a word with a full stop behind it stands for where the character `after` follows, if anything.
 * @param {string} word
 * @param {string} after
 */
function expansion(word, after) {
  const key = word.toLowerCase();
  const capital = /^[A-Z]/.test(word);
  const said = ALWAYS.get(key);
  if (said !== undefined) return said;
  if (BEFORE_NUMBER.has(key) && /\d/.test(after)) return BEFORE_NUMBER.get(key);
  if (BEFORE_NAME.has(key) && capital && /[A-Z]/.test(after)) return BEFORE_NAME.get(key);
  return capital ? ELSEWHERE.get(key) : undefined;
}
