/**
 * The network of an any-order model at work: variables are revealed step by step, in an order that follows from the seed
 * (ARDM, arXiv 2110.02037, algorithm 3, and section 4 for the stages of depth upscaling).
 */
import { ADRError } from "../errors.js";
import { philox4x32 } from "../philox.js";
import { shrink } from "./policy.js";
import { dimensions, width } from "./variables.js";

/** Rows that are sampled at a time. */
const MAX_ROWS = 16;
/** Keeps the numbers of orders and of choices apart. */
const [ORDER, CHOICE] = [1, 2];
/** How far probabilities may be from a sum of one. */
const TOLERANCE = 1e-3;
/** More than any variable's number. */
const MANY = 2 ** 16;

/** A network's bundle. @typedef {import("../bundle.js").Bundle<import("./manifest.js").AnyOrderManifest>} AnyOrderBundle */

/**
 * Answers (count, D): what is `observed` keeps its values, what is to be drawn `now` is drawn, and what is neither stays
 * unknown to the network and 0. A row depends on the seed and its number alone.
 * @param {AnyOrderBundle} bundle
 * @param {import("./windows.js").Window} window
 * @param {import("./config.js").AnyOrderSettings} settings
 * @param {bigint} seed
 * @returns {Promise<Int32Array>}
 */
export async function sample(bundle, { values, observed, now }, settings, seed) {
  const size = observed.length;
  const variables = Int32Array.from(now.keys()).filter((variable) => now[variable]);
  const answers = values.slice();
  for (let first = 0; first < values.length / size; first += MAX_ROWS) {
    const block = answers.subarray(first * size, (first + MAX_ROWS) * size);
    const rows = block.length / size;
    const orders = Array.from({ length: rows }, (_, row) => randomOrder(seed, first + row, variables));
    /** @param {Float32Array} logP @param {number} stage @param {number} from @param {number} to */
    const choose = (logP, stage, from, to) => {
      const uniform = orders.map((order, row) => uniforms(seed, first + row, stage, order.subarray(from, to)));
      return chosen(logP, uniform, settings.temperature);
    };
    await reveal(bundle, block, observed, orders, settings.policy, choose);
  }
  return answers;
}

/**
 * Reveal the variables of `orders`, the same number in every row, by the steps of a policy: `values` (rows, D) hold what is
 * observed, and the rest takes its place there.
 * @param {AnyOrderBundle} bundle
 * @param {Int32Array} values
 * @param {Uint8Array} observed (D)
 * @param {Int32Array[]} orders
 * @param {import("./policy.js").Policy} policy
 * @param {(logP: Float32Array, stage: number, from: number, to: number) => Int32Array} choose digits (rows, to - from) of
 * the variables at these places of each order
 */
async function reveal(bundle, values, observed, orders, policy, choose) {
  const spec = bundle.manifest.variables;
  const size = observed.length;
  const rows = orders.length;
  values.forEach((_, i) => { if (!observed[i % size]) values[i] = 0; });
  for (const [stage, counts] of policy.entries()) {
    const [wide, narrow] = [width(spec, stage), width(spec, stage + 1)];
    const low = values.map((value, i) => value - (value % (observed[i % size] ? narrow : wide)));
    const known = new Uint8Array(values.length);
    for (let row = 0; row < rows; row += 1) known.set(observed, row * size);
    let from = 0;
    for (const count of shrink(counts, orders[0].length)) {
      const to = from + count;
      const logP = await predict(bundle, low, known, stage, orders.map((order) => order.subarray(from, to)));
      const digits = choose(logP, stage, from, to);
      orders.forEach((order, row) => order.subarray(from, to).forEach((variable, i) => {
        low[row * size + variable] += digits[row * count + i] * narrow;
        known[row * size + variable] = 1;
      }));
      from = to;
    }
    values.forEach((_, i) => { if (!observed[i % size]) values[i] = low[i]; });
  }
}

/**
 * One network call for the variables of `index`, the same number in every row.
 * @param {AnyOrderBundle} bundle
 * @param {Int32Array} low (rows, D)
 * @param {Uint8Array} known (rows, D)
 * @param {number} stage
 * @param {Int32Array[]} index
 * @returns {Promise<Float32Array>} log-probabilities (rows, count, branching)
 */
async function predict(bundle, low, known, stage, index) {
  const [rows, count] = [index.length, index[0].length];
  const { graphs, variables: spec } = bundle.manifest;
  const all = new Int32Array(rows * count);
  index.forEach((own, row) => all.set(own, row * count));
  const { log_probabilities: found } = await bundle.run("network", {
    low: [integers(low), [rows, dimensions(spec)]], known: [known, [rows, dimensions(spec)]],
    stage: [new BigInt64Array(rows).fill(BigInt(stage)), [rows]], index: [integers(all), [rows, count]],
  });
  const expected = [rows, count, spec.branching];
  if (String(found.dims) !== String(expected)) {
    throw new ADRError(`${graphs.network.file}: log_probabilities: expected a shape of [${expected}], found [${found.dims}]`);
  }
  for (let i = 0; i < found.data.length; i += spec.branching) {
    let total = 0;
    for (let c = 0; c < spec.branching; c += 1) total += Math.exp(found.data[i + c]);
    if (!(Math.abs(total - 1) <= TOLERANCE)) {
      throw new ADRError(`${graphs.network.file}: log_probabilities: expected probabilities that add up to 1, found ${total}`);
    }
  }
  return found.data;
}

/**
 * Whole numbers from 0 to 2^31 - 1 as a graph takes them. Every platform that JavaScript runs on today is little-endian.
 * @param {Int32Array} values
 */
function integers(values) {
  const wide = new BigInt64Array(values.length);
  const halves = new Int32Array(wide.buffer);
  values.forEach((value, i) => { halves[2 * i] = value; });
  return wide;
}

/**
 * The variables in an order that follows from the seed and the row's number alone.
 * @param {bigint} seed
 * @param {number} row
 * @param {Int32Array} variables from the least to the greatest
 * @returns {Int32Array}
 */
export function randomOrder(seed, row, variables) {
  const words = drawn(seed, variables, row, 0, ORDER);
  // Sorted by the word, and by the variable where two words are the same.
  const keys = Float64Array.from(variables, (variable, i) => words[i] * MANY + variable).sort();
  return Int32Array.from(keys, (key) => key % MANY);
}

/**
 * A number in (0, 1) for each variable.
 * @param {bigint} seed
 * @param {number} row
 * @param {number} stage
 * @param {Int32Array} variables
 */
const uniforms = (seed, row, stage, variables) =>
  Float64Array.from(drawn(seed, variables, row, stage, CHOICE), (word) => (word + 0.5) * 2 ** -32);

/**
 * The first word of the block of each variable.
 * @param {bigint} seed
 * @param {Int32Array} variables
 * @param {number} row
 * @param {number} stage
 * @param {number} purpose
 */
function drawn(seed, variables, row, stage, purpose) {
  const [key0, key1] = [Number(seed & 0xffffffffn), Number(seed >> 32n)];
  const counter = new Uint32Array(4);
  return Uint32Array.from(variables, (variable) => {
    counter.set([variable, row, stage, purpose]);
    philox4x32(counter, key0, key1);
    return counter[0];
  });
}

/**
 * Inverse-CDF sampling; at temperature 0 the likeliest.
 * @param {Float32Array} logP (rows, count, choices)
 * @param {Float64Array[]} uniform of each row (count)
 * @param {number} temperature
 * @returns {Int32Array} (rows, count)
 */
export function chosen(logP, uniform, temperature) {
  const count = uniform[0].length;
  const choices = logP.length / (uniform.length * count);
  const edges = new Float64Array(choices);
  return Int32Array.from({ length: uniform.length * count }, (_, i) => {
    const own = logP.subarray(i * choices, (i + 1) * choices);
    const most = own.reduce((a, b) => Math.max(a, b));
    if (temperature === 0) return own.indexOf(most);
    const highest = most / temperature;
    let sum = 0;
    for (let c = 0; c < choices; c += 1) {
      sum += Math.exp(own[c] / temperature - highest);
      edges[c] = sum;
    }
    const limit = uniform[Math.floor(i / count)][i % count] * sum;
    const choice = edges.findIndex((edge) => edge >= limit);
    return choice < 0 ? choices - 1 : choice;
  });
}
