/** Regular expressions that mean what Python's do, so that both runtimes can have the same ones. */

/** White space, as the contents of a class. */
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
/** What words consist of in a text of ASCII and the signs that `plain` keeps. */
const WORD = "A-Za-z0-9_μ";
const CLASSES = /** @type {Record<string, string>} */ ({ "\\s": SPACE, "\\w": WORD });
const OTHERS = /** @type {Record<string, string>} */ ({
  "\\S": `[^${SPACE}]`, "\\b": `(?:(?<=[${WORD}])(?![${WORD}])|(?<![${WORD}])(?=[${WORD}]))`,
});

/**
 * A regular expression in which \s, \S, \w and \b have Python's meaning; \S stands outside of classes alone.
 * @param {string} source
 * @param {string} [flags]
 */
export function pattern(source, flags = "") {
  let within = false;
  const said = Array.from(source.matchAll(/\\[^]|[^]/gu), ([token]) => {
    if (token === "[") within = true;
    if (token === "]") within = false;
    const set = CLASSES[token];
    return set ? (within ? set : `[${set}]`) : (OTHERS[token] ?? token);
  });
  return new RegExp(said.join(""), flags);
}

/** @param {string} text */
export const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\/]/g, "\\$&");

const EDGES = pattern(String.raw`^\s+|\s+$`, "g");

/** Without white space at either end. @param {string} text */
export const stripped = (text) => text.replace(EDGES, "");
