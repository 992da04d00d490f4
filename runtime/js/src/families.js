/** manifest.json of a model of any family. */
import { readAnyOrder } from "./any_order/manifest.js";
import { BundleError } from "./errors.js";
import { parseStrict } from "./json.js";
import { NEEDED, readCausal } from "./manifest.js";
import { MAX_MANIFEST_BYTES, SCHEMA_VERSION } from "./specs.js";
import { FOLDER, readSpokenText, SPEAKING } from "./spoken_text/manifest.js";

/** @typedef {import("./manifest.js").Manifest} CausalManifest */
/** @typedef {import("./any_order/manifest.js").AnyOrderManifest} AnyOrderManifest */
/** @typedef {import("./spoken_text/manifest.js").SpokenTextManifest} SpokenTextManifest */

/**
 * The graphs of a bundle that every generation takes.
 * @param {CausalManifest | AnyOrderManifest | SpokenTextManifest} manifest
 */
export const needed = ({ family }) => ({ ardm: ["network"], "spoken-text": SPEAKING, adr: NEEDED })[family];

/**
 * @param {Uint8Array} data
 * @returns {CausalManifest | AnyOrderManifest}
 * @throws {BundleError} in one line that names the field, what was expected and what was found
 */
export function parseManifest(data) {
  const values = versioned(data);
  const { family } = values;
  // A family that readers in other languages know.
  if (family === "masked") throw new BundleError('manifest.json: family "masked" is for adr-run and Python alone');
  return family === "ardm" ? readAnyOrder(values) : readCausal(values);
}

/**
 * That of the bundle inside a voice's.
 * @param {Uint8Array} data
 * @returns {SpokenTextManifest}
 * @throws {BundleError}
 */
export function parseNested(data) {
  try {
    return readSpokenText(versioned(data));
  } catch (error) {
    throw error instanceof BundleError ? new BundleError(FOLDER + error.message) : error;
  }
}

/** @param {Uint8Array} data @returns {Record<string, unknown>} */
function versioned(data) {
  if (data.length > MAX_MANIFEST_BYTES) {
    throw new BundleError(`manifest.json: expected up to ${MAX_MANIFEST_BYTES} bytes, found ${data.length}`);
  }
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(data);
  } catch {
    throw new BundleError("manifest.json: not UTF-8 text");
  }
  let values;
  try {
    values = /** @type {Record<string, unknown>} */ (parseStrict(text));
  } catch (error) {
    throw new BundleError(`manifest.json: not JSON: ${/** @type {Error} */ (error).message}`);
  }
  if (values && Number(values.schema_version) > SCHEMA_VERSION) {
    throw new BundleError(`manifest.json: schema_version is ${values.schema_version}; upgrade adr-runtime`);
  }
  return values ?? {};
}
