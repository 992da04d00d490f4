/** Values from JSON against a schema, strictly: types, unknown and missing keys, and how long anything may be. */
import { ADRError } from "./errors.js";

const MAX_STRING = 1 << 16;
const MAX_VALUES = 1 << 16;
const SHOWN = 80;

/**
 * Reads a value at a place, or throws.
 * @template T
 * @typedef {(value: unknown, where: string, problem: typeof ADRError) => T} Reader
 */

/**
 * @param {string} where
 * @param {string} expected
 * @param {unknown} found
 * @param {typeof ADRError} problem
 * @returns {never}
 */
export function refuse(where, expected, found, problem) {
  throw new problem(`${where.slice(0, SHOWN)}: expected ${expected}, found ${shown(found)}`);
}

/** @param {unknown} found */
function shown(found) {
  if (found === undefined) return "nothing";
  if (typeof found === "bigint") return `${found}`;
  if (Array.isArray(found)) return `a list of ${found.length} values`;
  if (typeof found === "object" && found !== null) return `an object of ${Object.keys(found).length} keys`;
  return JSON.stringify(typeof found === "string" ? found.slice(0, SHOWN) : found);
}

/** @type {Reader<string>} */
export const string = (value, where, problem) =>
  typeof value === "string" && value.length <= MAX_STRING ? value : refuse(where, "short text", value, problem);

/** @type {Reader<boolean>} */
export const boolean = (value, where, problem) =>
  typeof value === "boolean" ? value : refuse(where, "true or false", value, problem);

/** @type {Reader<number>} */
export const number = (value, where, problem) =>
  typeof value === "number" && Number.isFinite(value) ? value : refuse(where, "a number", value, problem);

/**
 * A whole number from `least` to `most`.
 * @param {number} least
 * @param {number} most
 * @returns {Reader<number>}
 */
export const whole = (least, most) => (value, where, problem) =>
  typeof value === "number" && Number.isInteger(value) && value >= least && value <= most
    ? value
    : refuse(where, `a whole number from ${least} to ${most}`, value, problem);

/**
 * A number from `least` to `most`.
 * @param {number} least
 * @param {number} most
 * @returns {Reader<number>}
 */
export const between = (least, most) => (value, where, problem) =>
  typeof value === "number" && value >= least && value <= most
    ? value
    : refuse(where, `a number from ${least} to ${most}`, value, problem);

/**
 * @template {string} T
 * @param {T[]} choices
 * @returns {Reader<T>}
 */
export const oneOf = (...choices) => (value, where, problem) =>
  choices.find((choice) => choice === value) ?? refuse(where, choices.join(" or "), value, problem);

/**
 * @template T
 * @param {Reader<T>} item
 * @returns {Reader<T[]>}
 */
export const list = (item) => (value, where, problem) =>
  Array.isArray(value) && value.length <= MAX_VALUES
    ? value.map((one, i) => item(one, `${where}[${i}]`, problem))
    : refuse(where, `a list of up to ${MAX_VALUES} values`, value, problem);

/**
 * @template T
 * @param {Reader<T>} item
 * @returns {Reader<T | null>}
 */
export const nullable = (item) => (value, where, problem) => (value === null ? null : item(value, where, problem));

/**
 * An object whose keys are names.
 * @template T
 * @param {Reader<T>} item
 * @returns {Reader<Record<string, T>>}
 */
export const record = (item) => (value, where, problem) => {
  const entries = Object.entries(objectOf(value, where, problem));
  return Object.fromEntries(entries.map(([key, one]) => [string(key, where, problem), item(one, `${where}.${key}`, problem)]));
};

/**
 * An object with exactly these fields; those with a default may be missing.
 * @template {Record<string, Reader<any>>} S
 * @param {S} fields
 * @param {Record<string, unknown>} [defaults]
 * @returns {Reader<{[K in keyof S]: ReturnType<S[K]>}>}
 */
export const object = (fields, defaults = {}) => (value, where, problem) => {
  const given = objectOf(value, where || "the whole", problem);
  const place = (/** @type {string} */ name) => (where ? `${where}.${name}` : name);
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(fields, name)) refuse(place(name), "no such key", given[name], problem);
  }
  const read = Object.entries(fields).map(([name, reader]) => {
    if (!(name in given)) {
      if (!Object.hasOwn(defaults, name)) refuse(place(name), "to be there", undefined, problem);
      return [name, defaults[name]];
    }
    return [name, reader(given[name], place(name), problem)];
  });
  return Object.fromEntries(read);
};

/**
 * @param {unknown} value
 * @param {string} where
 * @param {typeof ADRError} problem
 * @returns {Record<string, unknown>}
 */
function objectOf(value, where, problem) {
  const good = typeof value === "object" && value !== null && !Array.isArray(value);
  return good ? /** @type {Record<string, unknown>} */ (value) : refuse(where, "an object", value, problem);
}
