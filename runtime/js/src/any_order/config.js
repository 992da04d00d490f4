/** What may be chosen of a generation in any order, and what that comes to with a bundle. */
import { checkedSeed, indexOf, ranged, refuseOthers } from "../config.js";
import { InputError } from "../errors.js";
import { MAX_TEMPERATURE } from "../specs.js";
import { splitBudget } from "./policy.js";
import { dimensions } from "./variables.js";

/**
 * @typedef {object} AnyOrderOptions
 * @property {number} [steps] network calls a window, at most one a variable and stage; the bundle's default unless given
 * @property {number} [temperature] below 1 plays safe, at 0 the likeliest is taken; 1 unless given
 * @property {number | bigint} [seed] from 0 to 2^64 - 1; drawn unless given
 * @property {null} [label] any-order models have no labels
 */
/**
 * @typedef {object} AnyOrderSettings
 * @property {import("./policy.js").Policy} policy
 * @property {number} temperature
 * @property {bigint} seed
 */

/** Policies that were planned. @type {WeakMap<object, Map<number, import("./policy.js").Policy>>} */
const planned = new WeakMap();

/**
 * @param {import("./manifest.js").AnyOrderManifest} manifest
 * @param {AnyOrderOptions} options
 * @returns {AnyOrderSettings}
 */
export function resolve(manifest, options) {
  refuseOthers(options, ["steps", "temperature", "seed", "label"]);
  indexOf(options.label ?? null, "label", manifest.labels, manifest.name);
  const temperature = ranged("temperature", options.temperature ?? 1, MAX_TEMPERATURE);
  const seed = checkedSeed(options.seed);
  return { policy: policyOf(manifest, options.steps ?? manifest.defaults.steps), temperature, seed };
}

/**
 * The policy of so many network calls in all: the manifest's, or else the best by its losses.
 * @param {import("./manifest.js").AnyOrderManifest} manifest
 * @param {number} steps
 */
export function policyOf(manifest, steps) {
  const { variables, policies, step_loss: losses } = manifest;
  const [least, most] = [variables.stages, variables.stages * dimensions(variables)];
  if (!(Number.isInteger(steps) && steps >= least && steps <= most)) {
    throw new InputError(`steps must be from ${least} (one a stage) to ${most}, not ${steps}`);
  }
  if (Object.hasOwn(policies, String(steps))) return policies[String(steps)];
  const own = planned.get(manifest) ?? new Map();
  planned.set(manifest, own);
  if (!own.has(steps)) own.set(steps, splitBudget(losses, steps));
  return /** @type {import("./policy.js").Policy} */ (own.get(steps));
}
