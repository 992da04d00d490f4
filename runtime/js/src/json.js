/**
 * JSON, strictly, for files that come from others: no key twice in an object, no nesting without end, and integers with up
 * to 20 digits, which are BigInt where a double would round them.
 */

const MAX_DEPTH = 64;
const NUMBER = /-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SPACE = /[ \t\n\r]*/y;
const WORDS = /** @type {[string, unknown][]} */ ([["true", true], ["false", false], ["null", null]]);

/**
 * @param {string} text
 * @returns {unknown} objects are plain ones without a prototype
 * @throws {SyntaxError} in one line
 */
export function parseStrict(text) {
  let at = 0;

  /** @param {string} what @returns {never} */
  const fail = (what) => {
    throw new SyntaxError(`${what} at character ${at}`);
  };
  /** @param {RegExp} pattern */
  const take = (pattern) => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found) at += found[0].length;
    return found;
  };
  /** @param {string} character */
  const next = (character) => {
    take(SPACE);
    if (text[at] !== character) return false;
    at += 1;
    return true;
  };
  const string = () => {
    const found = take(STRING) ?? fail("no string");
    return /** @type {string} */ (JSON.parse(found[0]));
  };
  const number = () => {
    const [whole, digits, fraction, exponent] = take(NUMBER) ?? fail("no value");
    if (fraction || exponent) return Number(whole);
    if (digits.length > 20) fail(`an integer of ${digits.length} digits`);
    return Number.isSafeInteger(Number(whole)) ? Number(whole) : BigInt(whole);
  };
  /** @param {number} depth @returns {unknown} */
  const value = (depth) => {
    if (depth > MAX_DEPTH) fail("too deep");
    take(SPACE);
    if (next("{")) {
      const object = Object.create(null);
      if (next("}")) return object;
      do {
        take(SPACE);
        const key = string();
        if (key in object) fail(`key ${JSON.stringify(key)} appears twice`);
        if (!next(":")) fail("no colon");
        object[key] = value(depth + 1);
      } while (next(","));
      if (!next("}")) fail("no end of an object");
      return object;
    }
    if (next("[")) {
      const list = /** @type {unknown[]} */ ([]);
      if (next("]")) return list;
      do list.push(value(depth + 1));
      while (next(","));
      if (!next("]")) fail("no end of a list");
      return list;
    }
    if (text[at] === '"') return string();
    for (const [word, meaning] of WORDS) {
      if (text.startsWith(word, at)) {
        at += word.length;
        return meaning;
      }
    }
    return number();
  };

  const whole = value(0);
  take(SPACE);
  if (at < text.length) fail("something after the end");
  return whole;
}
