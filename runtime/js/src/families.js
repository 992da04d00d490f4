/** manifest.json of a model of any family. */
import { readAnyOrder } from "./any_order/manifest.js";
import { BundleError } from "./errors.js";
import { parseStrict } from "./json.js";
import { NEEDED, readCausal } from "./manifest.js";
import { SCHEMA_VERSION } from "./specs.js";

/** @typedef {import("./manifest.js").Manifest} CausalManifest */
/** @typedef {import("./any_order/manifest.js").AnyOrderManifest} AnyOrderManifest */

/**
 * The graphs of a bundle that every generation takes.
 * @param {CausalManifest | AnyOrderManifest} manifest
 */
export const needed = ({ family }) => (family === "ardm" ? ["network"] : NEEDED);

/**
 * @param {string} text
 * @returns {CausalManifest | AnyOrderManifest}
 * @throws {BundleError} in one line that names the field, what was expected and what was found
 */
export function parseManifest(text) {
  let values;
  try {
    values = /** @type {Record<string, unknown>} */ (parseStrict(text));
  } catch (error) {
    throw new BundleError(`manifest.json: not JSON: ${/** @type {Error} */ (error).message}`);
  }
  if (values && Number(values.schema_version) > SCHEMA_VERSION) {
    throw new BundleError(`manifest.json: schema_version is ${values.schema_version}; upgrade adr-runtime`);
  }
  const family = values?.family;
  // A family that readers in other languages know.
  if (family === "masked") throw new BundleError('manifest.json: family "masked" is for adr-run and Python alone');
  return family === "ardm" ? readAnyOrder(values) : readCausal(values);
}
