/** Dates and times as words. The letters of a.m. and p.m. come as `normalise` marks them. */
import { cardinal, ordinal, plural, year } from "./numbers.js";
import { pattern } from "./patterns.js";

const MONTHS = [
  "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november", "december",
];
const NAMES = /** @type {Record<string, string>} */ (
  Object.fromEntries([...MONTHS.flatMap((name) => [[name, name], [name.slice(0, 3), name]]), ["sept", "september"]])
);
const MONTH = String.raw`(${Object.keys(NAMES).sort((a, b) => b.length - a.length).join("|")})\.?`;
const YEAR = String.raw`(1[0-9]\d\d|20\d\d)`;
const ISO_DATE = pattern(String.raw`(?<![\w/-])(\d{4})-(\d\d)-(\d\d)(?![\w-])`, "g");
const SLASHED = pattern(String.raw`(?<![\w/.])(\d{1,2})([/.])(\d{1,2})\2(\d{4})(?![\w/])`, "g");
const MONTH_DAY = pattern(String.raw`\b${MONTH}\s+(\d{1,2})(?:st|nd|rd|th)?(?:,?\s+${YEAR})?(?![\d:])`, "gi");
const DAY_MONTH = pattern(String.raw`(?<![\d.,:/-])(\d{1,2})(?:st|nd|rd|th)?\s+${MONTH}\b(?:,?\s+${YEAR}\b)?`, "gi");
const MONTH_YEAR = pattern(String.raw`\b${MONTH},?\s+${YEAR}\b(?!\s?[%°])`, "gi");
const DECADE = pattern(String.raw`(?<![\w'])(1\d|20)?'?(\d0)'?s\b`, "g");
/** A number of four digits behind one of these is a year. */
const IN_YEAR = pattern(
  String.raw`\b(in|since|of|from|until|till|before|after|by|year|circa|during|spring|summer|autumn|fall|winter|copyright)\s+`
    + String.raw`${YEAR}(?:\s?-\s?${YEAR})?(?![\w%°$]|[.,:/-]\d|\s?(?:k?m|cm|mm|k?g|lbs?|ft|miles|met(?:er|re)s|people)\b)`, "gi",
);
const AFTER_NOON = String.raw`(?:\s?([ap])\.?\s?m\b\.?)`;
const CLOCK = pattern(String.raw`(?<![\d:.,])([01]?\d|2[0-4]):([0-5]\d)(?::([0-5]\d))?(?![\d:])${AFTER_NOON}?`, "gi");
const HOUR = pattern(String.raw`(?<![\d:.,$])(1[0-2]|0?[1-9])${AFTER_NOON}`, "gi");

/**
 * 2026-11-27, 27/11/2026, Nov 27th, 2026, 27 November and the 1990s as words. Where day and month may be either in numbers
 * with strokes, the month comes first, as in America.
 * @param {string} text
 */
export const expandDates = (text) => text
  .replace(ISO_DATE, (whole, of, month, day) => date(month, day, of) || whole)
  .replace(SLASHED, slashed)
  .replace(MONTH_DAY, (whole, month, day, of = "") => date(month, day, of) || whole)
  .replace(DAY_MONTH, (whole, day, month, of = "") => dayFirst(day, month, of) || whole)
  .replace(MONTH_YEAR, (_, month, of) => `${NAMES[month.toLowerCase()]} ${year(of)}`)
  .replace(DECADE, (_, century, decade) => plural(century ? year(century + decade) : cardinal(decade)))
  .replace(IN_YEAR, (_, before, from, to) => `${before} ${year(from)}${to ? ` to ${year(to)}` : ""}`);

/** @param {string} whole @param {string} first @param {string} mark @param {string} second @param {string} of */
function slashed(whole, first, mark, second, of) {
  // Points come with the day before the month.
  const dayComesFirst = Number(first) > 12 || mark === ".";
  return (dayComesFirst ? date(second, first, of) : date(first, second, of)) || whole;
}

/** The name of a month by its number or name, "" for none. @param {string} text */
const monthOf = (text) => (/^\d+$/.test(text) ? (MONTHS[Number(text) - 1] ?? "") : NAMES[text.toLowerCase()]);

/** @param {string} day */
const isDay = (day) => Number(day) >= 1 && Number(day) <= 31;

/**
 * As "november twenty seventh, twenty twenty six"; "" for no day of a year.
 * @param {string} month
 * @param {string} day
 * @param {string} of
 */
function date(month, day, of) {
  const name = monthOf(month);
  return name && isDay(day) ? `${name} ${ordinal(day)}${of ? `, ${year(of)}` : ""}` : "";
}

/** @param {string} day @param {string} month @param {string} of */
function dayFirst(day, month, of) {
  // In "2 may be" it is no month.
  if (!isDay(day) || month === "may" || month === "mar") return "";
  return `the ${ordinal(day)} of ${monthOf(month)}${of ? `, ${year(of)}` : ""}`;
}

/** 14:30, 3:05 pm and 9 a.m. as words. @param {string} text */
export const expandTimes = (text) => text
  .replace(CLOCK, (_, hour, minute, second = "", noon = "") => clock(hour, minute, second, noon.toLowerCase()))
  .replace(HOUR, (_, hour, noon) => `${cardinal(String(Number(hour)))} _${noon.toLowerCase()} _m`);

/** @param {string} hour @param {string} minute @param {string} second @param {string} noon */
function clock(hour, minute, second, noon) {
  let said = cardinal(String(Number(hour)));
  if (minute !== "00") said += ` ${minute[0] === "0" ? `oh ${cardinal(minute[1])}` : cardinal(minute)}`;
  else if (!noon) said += Number(hour) >= 1 && Number(hour) <= 12 ? " o'clock" : " hundred hours";
  if (second && second !== "00") said += ` and ${cardinal(String(Number(second)))} second${second === "01" ? "" : "s"}`;
  return noon ? `${said} _${noon} _m` : said;
}
