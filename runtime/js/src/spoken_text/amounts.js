/** Money and units as words. */
import { cardinal } from "./numbers.js";
import { escaped, pattern } from "./patterns.js";

export const NUMBER = String.raw`\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)?|\.\d+`;
/** Sign -> one, several, a hundredth, hundredths. */
const CURRENCIES = /** @type {Record<string, string[]>} */ ({
  $: ["dollar", "dollars", "cent", "cents"], "£": ["pound", "pounds", "penny", "pence"], "€": ["euro", "euros", "cent", "cents"],
  "¥": ["yen", "yen", "", ""], "₹": ["rupee", "rupees", "paisa", "paise"],
});
const CODES = /** @type {Record<string, string>} */ ({ USD: "$", GBP: "£", EUR: "€", JPY: "¥", INR: "₹" });
const SCALES = /** @type {Record<string, string>} */ ({
  k: "thousand", m: "million", mn: "million", bn: "billion", b: "billion", tn: "trillion", thousand: "thousand",
  million: "million", billion: "billion", trillion: "trillion",
});
const MONEY = pattern(
  String.raw`(?<!\w)([$£€¥₹])\s?(${NUMBER})(?:\s?(${Object.keys(SCALES).join("|")})\b)?(?!\d)`, "gi",
);
const MONEY_CODE = pattern(String.raw`(?<![\w.])(${NUMBER})\s?(USD|GBP|EUR|JPY|INR|[£€¥₹])(?!\w)`, "g");
/** Unit -> one, several. */
const UNITS = new Map(Object.entries({
  km: ["kilometre", "kilometres"], m: ["metre", "metres"], cm: ["centimetre", "centimetres"], mm: ["millimetre", "millimetres"],
  "μm": ["micrometer", "micrometers"], nm: ["nanometer", "nanometers"], mi: ["mile", "miles"], yd: ["yard", "yards"],
  ft: ["foot", "feet"], in: ["inch", "inches"], kg: ["kilogram", "kilograms"], g: ["gram", "grams"],
  mg: ["milligram", "milligrams"], lb: ["pound", "pounds"], lbs: ["pound", "pounds"], oz: ["ounce", "ounces"],
  l: ["liter", "liters"], L: ["liter", "liters"], ml: ["milliliter", "milliliters"], s: ["second", "seconds"],
  sec: ["second", "seconds"], ms: ["millisecond", "milliseconds"], min: ["minute", "minutes"], h: ["hour", "hours"],
  hr: ["hour", "hours"], hrs: ["hour", "hours"], Hz: ["hertz", "hertz"], kHz: ["kilohertz", "kilohertz"],
  MHz: ["megahertz", "megahertz"], GHz: ["gigahertz", "gigahertz"], kB: ["kilobyte", "kilobytes"], KB: ["kilobyte", "kilobytes"],
  MB: ["megabyte", "megabytes"], GB: ["gigabyte", "gigabytes"], TB: ["terabyte", "terabytes"], W: ["watt", "watts"],
  kW: ["kilowatt", "kilowatts"], MW: ["megawatt", "megawatts"], kWh: ["kilowatt hour", "kilowatt hours"], V: ["volt", "volts"],
  mph: ["mile per hour", "miles per hour"], ha: ["hectare", "hectares"], "km/h": ["kilometre per hour", "kilometres per hour"],
  "m/s": ["metre per second", "metres per second"], "m^2": ["square metre", "square metres"],
  "km^2": ["square kilometre", "square kilometres"], "m^3": ["cubic metre", "cubic metres"],
  "cm^3": ["cubic centimetre", "cubic centimetres"], "%": ["percent", "percent"], "°C": ["degree celsius", "degrees celsius"],
  "°F": ["degree fahrenheit", "degrees fahrenheit"], "°": ["degree", "degrees"], dB: ["decibel", "decibels"],
  fps: ["frame per second", "frames per second"],
}));
const LONGEST_FIRST = Array.from(UNITS.keys()).sort((a, b) => b.length - a.length).map(escaped).join("|");
const QUANTITY = pattern(String.raw`(?<![\w.])(-?(?:${NUMBER}))(\s?|-)(${LONGEST_FIRST})(?![\w/^])`, "g");
/** Words in their own right, which mean a unit only where nothing or a hyphen is between the number and them. */
const WORDS = new Set(["in"]);

/** $5.20, 5 EUR and $3 million as words. @param {string} text */
export const expandMoney = (text) => text
  .replace(MONEY, (_, sign, amount, scale = "") => money(sign, amount, scale))
  .replace(MONEY_CODE, (_, amount, code) => money(CODES[code] ?? code, amount, ""));

/** @param {string} sign @param {string} amount @param {string} scale */
function money(sign, amount, scale) {
  const [one, several, hundredth, hundredths] = CURRENCIES[sign];
  if (scale) return ` ${cardinal(amount)} ${SCALES[scale.toLowerCase()]} ${several} `;
  const [whole, part = ""] = amount.replaceAll(",", "").split(".");
  if (part.length !== 2 || !hundredth) return ` ${cardinal(amount)} ${amount === "1" ? one : several} `;
  const said = /[^0]/.test(whole) ? [`${cardinal(whole)} ${whole === "1" ? one : several}`] : [];
  if (part !== "00") said.push(`${cardinal(String(Number(part)))} ${part === "01" ? hundredth : hundredths}`);
  return ` ${said.join(" and ") || `zero ${several}`} `;
}

/** 200 m, 5%, 20 °C and 5 km/h as words. @param {string} text */
export const expandUnits = (text) => text.replace(QUANTITY, (whole, number, space, unit) => {
  if (WORDS.has(unit) && space && space !== "-") return whole;
  // A five-mile walk takes the singular.
  const one = number === "1" || number === "-1" || space === "-";
  return `${cardinal(number)} ${UNITS.get(unit)?.[one ? 0 : 1]}`;
});
