/** Texts with holes. */
import { InputError } from "../errors.js";
import { fromText, toText } from "./variables.js";

/** Bytes of a text, some hours of work on one core. */
export const LONGEST = 1 << 20;

/**
 * A template's bytes, of which `holes` are to be replaced.
 * @param {string} template
 * @param {string} hole
 * @returns {{letters: Uint8Array, holes: Uint8Array}}
 */
export function readTemplate(template, hole) {
  if (typeof hole !== "string" || !/^[\0-\x7f]$/.test(hole)) {
    throw new InputError(`hole must be one ASCII character, not '${String(hole).slice(0, 40)}'`);
  }
  if (typeof template !== "string") throw new InputError(`a template is text, not ${typeof template}`);
  if (/\p{Surrogate}/u.test(template)) throw new InputError("the template is not Unicode text; convert it first");
  const letters = new TextEncoder().encode(template);
  if (!letters.length || letters.length > LONGEST) {
    throw new InputError(`a template has 1 to ${LONGEST} bytes, not ${letters.length}`);
  }
  return { letters, holes: letters.map((letter) => Number(letter === hole.charCodeAt(0))) };
}

/**
 * Symbols of a template, with anything in its holes.
 * @param {{letters: Uint8Array, holes: Uint8Array}} template
 * @param {string} alphabet
 */
export function symbols({ letters, holes }, alphabet) {
  const anything = (alphabet || " ").charCodeAt(0);
  return fromText(letters.map((letter, i) => (holes[i] ? anything : letter)), alphabet);
}

/**
 * The template with its holes replaced by those symbols of an answer, and nothing else touched.
 * @param {{letters: Uint8Array, holes: Uint8Array}} template
 * @param {Int32Array} answer
 * @param {string} alphabet
 */
export function filled({ letters, holes }, answer, alphabet) {
  const found = toText(answer, alphabet);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(letters.map((letter, i) => (holes[i] ? found[i] : letter)));
}
