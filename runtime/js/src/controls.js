/** Controls: what each token of a sound is told from outside, as the phone that is being said and the place in it. */
import { checkBytes } from "./config.js";
import { InputError } from "./errors.js";

/** One class for each token. @typedef {ArrayLike<number>} Classes */
/** By the name of each control: the same for every row, or a list with those of each row. @typedef {Record<string, Classes | Classes[]>} Controls */
/** What of a manifest says which there are. @typedef {Pick<import("./manifest.js").Manifest, "name" | "controls">} Told */

/**
 * The null class of each control.
 * @param {Told} manifest
 */
export const nullControls = ({ controls }) => BigInt64Array.from(controls, ({ classes }) => BigInt(classes));

/**
 * Controls of so many rows, int64 (tokens, rows, K), of which those that are not given are the null ones.
 * @param {Told} manifest
 * @param {Controls} given
 * @param {number} rows
 */
export function checkedControls(manifest, given, rows) {
  const { name: model, controls } = manifest;
  const names = controls.map(({ name }) => name);
  if (!names.length) throw new InputError(`${model} takes no controls; leave them out`);
  if (typeof given !== "object" || given === null || isList(given) || !Object.keys(given).length) {
    throw new InputError(`controls are an object with classes for some of ${names.join(", ")}`);
  }
  const unknown = Object.keys(given).find((name) => !names.includes(name));
  if (unknown !== undefined) throw new InputError(`unknown control '${unknown}'; ${model} knows ${names.join(", ")}`);
  const found = controls.map(({ name, classes }) =>
    Object.hasOwn(given, name) ? checkedClasses(name, given[name], classes, rows) : null);
  const lengths = found.map((each) => each?.[0].length);
  const known = lengths.filter((length) => length !== undefined);
  if (new Set(known).size > 1) {
    const told = names.map((name, i) => `${name} ${lengths[i]}`).filter((_, i) => found[i]);
    throw new InputError(`controls of different lengths: ${told.join(", ")} tokens`);
  }
  checkBytes(8 * rows * known[0] * names.length, `controls of ${known[0]} tokens for ${rows} rows`);
  const whole = repeated(nullControls(manifest), known[0] * rows);
  found.forEach((each, i) => {
    if (!each) return;
    for (let at = 0; at < known[0] * rows; at += 1) {
      const row = each[(at % rows) % each.length];
      whole[at * names.length + i] = BigInt(row[Math.floor(at / rows)]);
    }
  });
  return whole;
}

/**
 * The classes of one row, or of each.
 * @param {string} name
 * @param {Classes | Classes[]} values
 * @param {number} classes
 * @param {number} rows
 * @returns {Classes[]}
 */
function checkedClasses(name, values, classes, rows) {
  const nested = Array.isArray(values) && values.some(isList);
  const each = /** @type {Classes[]} */ (nested ? values : [values]);
  const good = each.every((row) => isList(row) && row.length && row.length === each[0].length);
  if (!good || ![1, rows].includes(each.length) || each.some((row) => Array.from(row).some(isList))) {
    throw new InputError(`controls['${name}'] should be one class for each token, for all rows or each of ${rows}`);
  }
  for (const row of each) {
    if (!Array.from(row).every((value) => Number.isInteger(value) && value >= 0 && value <= classes)) {
      throw new InputError(`controls['${name}'] should be whole numbers from 0 to ${classes}, of which ${classes} is none`);
    }
  }
  return each;
}

/** @param {unknown} value */
const isList = (value) => Array.isArray(value) || (ArrayBuffer.isView(value) && "length" in value);

/** @param {BigInt64Array} values @param {number} times */
export function repeated(values, times) {
  const all = new BigInt64Array(values.length * times);
  for (let i = 0; i < times; i += 1) all.set(values, i * values.length);
  return all;
}

/**
 * What is (outer, inner, K) as (inner, outer, K): states have rows outside, streams tokens.
 * @param {BigInt64Array} values
 * @param {number} outer
 * @param {number} inner
 */
export function turned(values, outer, inner) {
  const each = values.length / (outer * inner);
  return values.map((_, at) => {
    const [place, rest] = [Math.floor(at / each), at % each];
    return values[((place % outer) * inner + Math.floor(place / outer)) * each + rest];
  });
}
