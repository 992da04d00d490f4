/** Settings that change along the tokens of a picture: one value for each of several equal parts, as a pyramid's levels. */
import { InputError } from "./errors.js";

/**
 * One number, or one for each part of `length` tokens, each checked.
 * @param {number | number[]} value
 * @param {string} name
 * @param {number | null} length
 * @param {(value: number) => number} check
 * @returns {number | number[]}
 */
export function parted(value, name, length, check) {
  if (length === null || !Array.isArray(value)) return check(/** @type {number} */ (value));
  const values = value.map(check);
  if (!fits(values, length)) {
    throw new InputError(`${name} has ${values.length} values, which ${length} tokens cannot be divided by`);
  }
  return values.every((one) => one === values[0]) ? values[0] : values;
}

/**
 * Whether `length` tokens can be divided by the values.
 * @param {number | number[]} value
 * @param {number | null} length
 */
export const fits = (value, length) =>
  !Array.isArray(value) || value.length === 1 || (length !== null && value.length > 0 && length % value.length === 0);

/**
 * The number that a token at a position has.
 * @param {number | number[]} value
 * @param {number} position
 * @param {number | null} length
 */
export function ofPart(value, position, length) {
  if (!Array.isArray(value)) return value;
  return value[Math.min(Math.floor((position * value.length) / /** @type {number} */ (length)), value.length - 1)];
}
