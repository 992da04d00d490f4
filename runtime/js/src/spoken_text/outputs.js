/** What a graph puts out is checked before it is used, as Python's sessions do: a bundle comes from others. */
import { BundleError } from "../errors.js";

/** How far probabilities may be from a sum of one. */
const TOLERANCE = 1e-3;

/**
 * Runs a graph, and gives the numbers of one of its outputs.
 * @param {import("./front_end.js").SpokenTextBundle} bundle
 * @param {string} graph
 * @param {Parameters<import("./front_end.js").SpokenTextBundle["run"]>[1]} feed
 * @param {string} name
 * @param {number[]} shape
 * @returns {Promise<Float32Array>}
 * @throws {BundleError} where they are not finite, of another shape, or log-probabilities of no distribution
 */
export async function output(bundle, graph, feed, name, shape) {
  const { [name]: found } = await bundle.run(graph, feed);
  const refuse = (/** @type {string} */ expected, /** @type {unknown} */ what) => {
    throw new BundleError(`${bundle.manifest.graphs[graph].file}: ${name}: expected ${expected}, found ${what}`);
  };
  if (found?.dims.join() !== shape.join()) refuse(`a shape of [${shape.join(", ")}]`, found ? `[${found.dims.join(", ")}]` : "nothing");
  const odd = found.data.findIndex((/** @type {number} */ value) => !Number.isFinite(value));
  if (odd >= 0) refuse("finite numbers", found.data[odd]);
  const last = shape[shape.length - 1];
  for (let start = 0; name === "log_probabilities" && start < found.data.length; start += last) {
    let total = 0;
    for (const value of found.data.subarray(start, start + last)) total += Math.exp(value);
    if (!(Math.abs(total - 1) <= TOLERANCE)) refuse("probabilities that add up to 1", total);
  }
  return found.data;
}
