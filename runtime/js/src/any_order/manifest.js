/** manifest.json of an any-order model (family "ardm"), read strictly: one graph, its variables, and the losses that budgets follow. */
import { between, list, object, oneOf, record, string, whole } from "../schema.js";
import { checkCommon, COMMON, COMMON_DEFAULTS, Located, MAX_COUNT, rule } from "../specs.js";
import { dimensions, width } from "./variables.js";

/** Variables of a window. */
const MAX_VARIABLES = 1 << 16;
const MAX_LOSS = 1000;
const KINDS = /** @type {const} */ (["image", "text", "sound"]);

const size = whole(1, MAX_VARIABLES);
const variables = object({
  kind: oneOf(...KINDS), shape: list(size), levels: whole(2, 1 << 16), branching: whole(2, 1 << 12), stages: whole(1, 16),
  colour: oneOf("none", "subtract_green"), alphabet: string, sample_rate: whole(0, Number.MAX_SAFE_INTEGER),
});
const manifest = object(
  {
    ...COMMON, family: oneOf("ardm"), kind: oneOf(...KINDS), dialect: string, variables,
    step_loss: list(list(between(0, MAX_LOSS))), policies: record(list(list(size))),
    defaults: object({ steps: whole(1, 1 << 20), count: whole(1, MAX_COUNT) }),
  },
  COMMON_DEFAULTS,
);

/** @typedef {ReturnType<typeof manifest>} AnyOrderManifest */
/** @typedef {ReturnType<typeof variables>} Variables */

/**
 * @param {unknown} values from JSON
 * @returns {AnyOrderManifest}
 * @throws {import("../errors.js").BundleError} in one line that names the field, what was expected and what was found
 */
export function readAnyOrder(values) {
  const read = manifest(values, "", Located);
  checkCommon(read);
  checkVariables(read);
  checkBudgets(read);
  checkNetwork(read);
  return read;
}

/** @param {AnyOrderManifest} m */
function checkVariables({ kind, labels, variables: v }) {
  rule("kind", kind === v.kind, "that of the variables", kind);
  rule("labels", !labels.length, "none", labels);
  const fits = v.shape.length === 3 && dimensions(v) <= MAX_VARIABLES;
  rule("variables.shape", fits, `3 sizes, product up to ${MAX_VARIABLES}`, v.shape);
  const [rows, , channels] = v.shape;
  rule("variables.shape", v.kind === "image" || (rows === 1 && channels === 1), "(1, length, 1)", v.shape);
  rule("variables.colour", v.colour === "none" || channels > 1, "none of one channel", v.colour);
  rule("variables.levels", v.kind !== "sound" || v.levels === 256 || v.levels === 65536, "256 or 65536 of sound", v.levels);
  const distinct = !/[^\0-\x7f]/.test(v.alphabet) && new Set(v.alphabet).size === v.alphabet.length && v.alphabet.length === v.levels;
  rule("variables.alphabet", !v.alphabet || distinct, "distinct ASCII symbols, one a level", v.alphabet);
  rule("variables.sample_rate", v.sample_rate > 0 === (v.kind === "sound"), "set for sound only", v.sample_rate);
  const smallest = width(v, 1) < v.levels && v.levels <= width(v, 0);
  rule("variables.stages", smallest, `as many as ${v.levels} levels take`, v.stages);
}

/** @param {AnyOrderManifest} m */
function checkBudgets({ variables: v, step_loss: losses, policies, defaults }) {
  const count = dimensions(v);
  rule("step_loss", losses.length === v.stages, `${v.stages} stages`, losses.length);
  rule("defaults.steps", defaults.steps >= v.stages && defaults.steps <= v.stages * count, "a budget", defaults.steps);
  losses.forEach((stage, i) => {
    rule(`step_loss[${i}]`, stage.length === count && !stage.includes(MAX_LOSS), `${count} losses in bits, from 0 to 1000`, stage);
  });
  for (const [budget, policy] of Object.entries(policies)) {
    const complete = policy.length === v.stages && policy.every((counts) => counts.reduce((a, b) => a + b, 0) === count);
    const calls = policy.reduce((sum, counts) => sum + counts.length, 0);
    const good = /^\d+$/.test(budget) && complete && calls === Number(budget);
    rule(`policies.${budget}`, good, `${v.stages} lists of counts that add up to ${count}`, policy);
  }
}

/**
 * That the graph takes and gives what this runtime feeds and reads.
 * @param {AnyOrderManifest} m
 */
function checkNetwork({ graphs, variables: v }) {
  rule("graphs", Object.keys(graphs).join(", ") === "network", "network", Object.keys(graphs).join(", "));
  const count = dimensions(v);
  const inputs = `index int64 [rows,count], known bool [rows,${count}], low int64 [rows,${count}], stage int64 [rows]`;
  const outputs = `log_probabilities float32 [rows,count,${v.branching}]`;
  for (const [side, expected] of /** @type {["inputs" | "outputs", string][]} */ ([["inputs", inputs], ["outputs", outputs]])) {
    const found = graphs.network[side].map(({ name, dtype, shape }) => `${name} ${dtype} [${shape}]`).sort().join(", ");
    rule(`graphs.network.${side}`, found === expected, expected, found);
  }
}
