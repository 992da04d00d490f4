/** What the manifests of all families have in common: graphs, their tensors, limits. */
import { BundleError } from "./errors.js";
import { list, object, oneOf, record, refuse, string, whole } from "./schema.js";

export const SCHEMA_VERSION = 1;
export const MAX_MANIFEST_BYTES = 4 << 20;
const MAX_FILE_BYTES = 2 ** 30;
export const MAX_TEMPERATURE = 10;
export const MAX_COUNT = 4096;

/** A size, or the name of a dynamic one. @type {import("./schema.js").Reader<number | string>} */
export const dimension = (value, where, problem) =>
  typeof value === "string" ? string(value, where, problem) : whole(1, 2 ** 30)(value, where, problem);

const tensor = object({ name: string, dtype: oneOf("bool", "float32", "float64", "int64"), shape: list(dimension) });
const graph = object({
  file: string, sha256: string, bytes: whole(1, MAX_FILE_BYTES), inputs: list(tensor), outputs: list(tensor),
});
/** Of each measured or given thing, by name. */
const flat = record((value, where, problem) =>
  value === null || ["string", "number", "bigint", "boolean"].includes(typeof value)
    ? value
    : refuse(where, "text, a number, true, false or null", value, problem));
/** @type {import("./schema.js").Reader<string>} */
const version = (value, where, problem) =>
  typeof value === "string" && value.length <= 32 && /^(|(0|[1-9]\d*)(\.(0|[1-9]\d*))*)$/.test(value)
    ? value
    : refuse(where, 'a version as "1.25.1"', value, problem);

/** The fields that every manifest has beside those of its family. */
export const COMMON = {
  schema_version: whole(SCHEMA_VERSION, SCHEMA_VERSION), name: string, description: string, graphs: record(graph),
  labels: list(string), licence: string, data: string, training: flat, quality: flat, parity: flat, onnxruntime: version,
};
/** Those of them that may be missing. */
export const COMMON_DEFAULTS = { onnxruntime: "" };

/** @typedef {ReturnType<typeof graph>} GraphSpec */
/** @typedef {(number | string)[]} Shape */
/** @typedef {(where: string, good: boolean, expected: string, found: unknown) => void} Rule */

/** Errors of a manifest name the file. */
export class Located extends BundleError {
  /** @param {string} message */
  constructor(message) {
    super(`manifest.json: ${message}`);
    this.name = "BundleError";
  }
}

/** Refuses what is not good. @type {Rule} */
export const rule = (where, good, expected, found) => {
  if (!good) refuse(where, expected, found, Located);
};

/**
 * No label twice, and only files inside the bundle.
 * @param {{labels: string[], graphs: Record<string, GraphSpec>}} manifest
 */
export function checkCommon({ labels, graphs }) {
  rule("labels", new Set(labels).size === labels.length, "none twice", "others");
  for (const [name, { file }] of Object.entries(graphs)) {
    rule(`graphs.${name}.file`, plainName(file), "a plain file name inside the bundle", file);
  }
}

/** Whether a file lies inside the bundle. @param {string} file */
export const plainName = (file) => /^[^/\\:\0. ]/.test(file) && !/[/\\:\0]/.test(file) && !/[. ]$/.test(file);

/**
 * A graph's inputs by name and shape, in any order.
 * @param {Record<string, GraphSpec>} graphs
 * @param {string} name
 * @param {[string, Shape][]} tensors
 */
export function checkInputs(graphs, name, tensors) {
  const spell = (/** @type {[string, Shape][]} */ all) => all.map(([n, shape]) => `${n} [${shape}]`).sort().join(", ");
  const found = graphs[name].inputs.map((t) => /** @type {[string, Shape]} */ ([t.name, t.shape]));
  rule(`graphs.${name}.inputs`, spell(found) === spell(tensors), spell(tensors), spell(found));
}
