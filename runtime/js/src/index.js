/** Sound and pictures from ADR bundles with ONNX Runtime, in Node.js and in browsers. */
import { AudioModel } from "./audio.js";
import { openBundle } from "./bundle.js";
import { ImageModel } from "./image.js";

export { AudioModel } from "./audio.js";
export { ADRError, BundleError, DamagedFileError, InputError } from "./errors.js";
export { ImageModel, Images } from "./image.js";
export { Stream } from "./stream.js";

/**
 * Load a bundle: everything is verified before ONNX Runtime sees it, and only what is needed is fetched.
 *
 *     import * as ort from "onnxruntime-node";
 *     const model = await load("bundles/speech-digits", { ort });
 *     const { audio, sampling_rate } = await model.generate({ label: "seven", seed: 1 });
 *
 * @param {string | URL | Record<string, Uint8Array>} source a folder (Node.js), the address of one, or its files by name
 * @param {import("./bundle.js").LoadOptions} options
 * @returns {Promise<AudioModel | ImageModel>}
 */
export async function load(source, options) {
  const bundle = await openBundle(source, options);
  return bundle.manifest.kind === "audio" ? new AudioModel(bundle) : new ImageModel(bundle);
}
