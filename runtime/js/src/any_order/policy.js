/**
 * Budgets: which variables are generated together, by dynamic programming (ARDM, arXiv 2110.02037, section 3.1).
 *
 * With i variables known, each of those that are generated next in one step costs loss[i], the loss measured with i known.
 * A step from i to j known thus costs (j - i) loss[i], and the best K steps are a shortest path of K edges from 0 to D.
 */
import { checkBytes } from "../config.js";

/** For each stage, how many variables each network call reveals. @typedef {number[][]} Policy */

/**
 * Least costs of all D variables in 1 to `budget` steps, and for each number of steps k and of variables j, how many are
 * known before the last of k steps to j.
 *
 * For one k, the cost at j is the lowest at j of the lines cost of i in k - 1 steps + (j - i) loss[i] with i < j, which are
 * kept in a Li Chao tree that grows by one line with every j.
 * @param {number[]} loss
 * @param {number} budget
 * @returns {{total: Float64Array, before: Int32Array}} total (budget + 1), before (budget + 1, D + 1)
 */
function plan(loss, budget) {
  const size = loss.length;
  checkBytes(4 * (budget + 1) * (size + 1), `a plan of ${budget} steps for ${size} variables`);
  const total = new Float64Array(budget + 1).fill(Infinity);
  const before = new Int32Array((budget + 1) * (size + 1));
  let cost = new Float64Array(size + 1).fill(Infinity);
  cost[0] = 0;
  for (let k = 1; k <= budget; k += 1) {
    const row = before.subarray(k * (size + 1), (k + 1) * (size + 1));
    cost = oneStepMore(loss, cost, row);
    total[k] = cost[size];
  }
  return { total, before };
}

/**
 * Costs of one step more than `cost` is of; `before` is filled in.
 * @param {number[]} loss
 * @param {Float64Array} cost
 * @param {Int32Array} before
 */
function oneStepMore(loss, cost, before) {
  const size = loss.length;
  const depths = 33 - Math.clz32(size);
  const leaves = 1 << (depths - 1);
  // The line held by each node: its value at 0, and the i that gives its slope.
  const start = new Float64Array(2 * leaves).fill(Infinity);
  const origin = new Int32Array(2 * leaves);
  const next = new Float64Array(size + 1).fill(Infinity);
  for (let i = 0; i < size; i += 1) {
    let [line, source, node] = [cost[i] - i * loss[i], i, 1];
    for (let depth = 0; depth < depths; depth += 1) {
      const span = leaves >> depth;
      const middle = (node - (1 << depth)) * span + (span >> 1);
      const [held, heldFrom] = [start[node], origin[node]];
      if (line + loss[source] * middle < held + loss[heldFrom] * middle) {
        start[node] = line;
        origin[node] = source;
        line = held;
        source = heldFrom;
      }
      // The line that lost in the middle can only win where it lies lower: on the left if it is the steeper one.
      node = 2 * node + Number(loss[source] <= loss[origin[node]]);
    }
    const j = i + 1;
    let [lowest, last] = [Infinity, origin[j + leaves]];
    for (let path = j + leaves; path >= 1; path >>= 1) {
      const value = start[path] + loss[origin[path]] * j;
      if (value < lowest) [lowest, last] = [value, origin[path]];
    }
    before[j] = last;
    next[j] = cost[last] + (j - last) * loss[last];
  }
  return next;
}

/**
 * How many variables each of `budget` steps generates, the first step first; one each from a budget of D on.
 * @param {number[]} loss
 * @param {number} budget
 * @returns {number[]}
 */
export function stepCounts(loss, budget) {
  const size = loss.length;
  if (budget >= size) return Array(size).fill(1);
  const { before } = plan(loss, budget);
  const counts = [];
  let end = size;
  for (let k = budget; k > 0; k -= 1) {
    const start = before[k * (size + 1) + end];
    counts.unshift(end - start);
    end = start;
  }
  return counts;
}

/**
 * The best policy of `budget` network calls over the stages of depth upscaling, each of which needs at least one.
 * @param {number[][]} losses
 * @param {number} budget
 * @returns {Policy}
 */
export function splitBudget(losses, budget) {
  if (losses.length === 1) return [stepCounts(losses[0], budget)];
  const most = Math.min(budget - losses.length + 1, losses[0].length);
  // total[k] is the least loss of the stages so far in k calls; shares remember each stage's part of them.
  let total = Float64Array.of(0);
  const shares = losses.map((loss) => {
    const table = plan(loss, most).total;
    const sums = new Float64Array(total.length + most).fill(Infinity);
    const share = new Int32Array(sums.length);
    sums.forEach((_, k) => {
      for (let part = Math.max(1, k - total.length + 1); part <= Math.min(most, k); part += 1) {
        if (total[k - part] + table[part] < sums[k]) [sums[k], share[k]] = [total[k - part] + table[part], part];
      }
    });
    total = sums;
    return share;
  });
  let left = Math.min(budget, total.length - 1);
  const policy = /** @type {Policy} */ ([]);
  for (let stage = losses.length - 1; stage >= 0; stage -= 1) {
    const part = shares[stage][left];
    policy.unshift(stepCounts(losses[stage], part));
    left -= part;
  }
  return policy;
}

/**
 * The counts of D variables for fewer of them, as at the edge of a picture: the same fractions, empty steps left out.
 * @param {number[]} counts
 * @param {number} count
 * @returns {number[]}
 */
export function shrink(counts, count) {
  const total = counts.reduce((a, b) => a + b, 0);
  if (count === total) return counts;
  let [known, end] = [0, 0];
  const shrunk = counts.map((size) => {
    known += size;
    const start = end;
    end = Math.floor((known * count + Math.floor(total / 2)) / total);
    return end - start;
  });
  return shrunk.filter(Boolean);
}
