/** Sound, pictures and text from ADR bundles with ONNX Runtime, in Node.js and in browsers. */
import { AnyOrderAudioModel } from "./any_order/audio_model.js";
import { AnyOrderImageModel } from "./any_order/image_model.js";
import { AnyOrderTextModel } from "./any_order/text_model.js";
import { AudioModel } from "./audio.js";
import { openBundle } from "./bundle.js";
import { ImageModel } from "./image.js";
import { openOn } from "./providers.js";
import { SpokenText } from "./spoken_text/front_end.js";

export { AnyOrderAudioModel } from "./any_order/audio_model.js";
export { AnyOrderImageModel } from "./any_order/image_model.js";
export { AnyOrderModel } from "./any_order/model.js";
export { AnyOrderTextModel } from "./any_order/text_model.js";
export { AudioModel } from "./audio.js";
export { ADRError, BundleError, DamagedFileError, InputError } from "./errors.js";
export { ImageModel, Images } from "./image.js";
export { Speech } from "./speech.js";
export { Stream } from "./stream.js";

/** @typedef {AudioModel | ImageModel | AnyOrderAudioModel | AnyOrderImageModel | AnyOrderTextModel} Model */

/** The class of each family's models, by the kind in the manifest. */
const MODELS = /** @type {Record<string, Record<string, new (bundle: any, frontEnd: SpokenText | null) => Model>>} */ ({
  adr: { audio: AudioModel, image: ImageModel },
  ardm: { sound: AnyOrderAudioModel, image: AnyOrderImageModel, text: AnyOrderTextModel },
});

/**
 * Load a bundle: everything is verified before ONNX Runtime sees it, and only what is needed is fetched.
 *
 *     import * as ort from "onnxruntime-node";
 *     const model = await load("bundles/speech-digits", { ort });
 *     const { audio, sampling_rate } = await model.generate({ label: "seven", seed: 1 });
 *
 * @param {string | URL | Record<string, Uint8Array>} source a folder (Node.js), the address of one, or its files by name
 * @param {import("./bundle.js").LoadOptions} options
 * @returns {Promise<Model>}
 */
export async function load(source, options) {
  const bundle = await openOn(options, (chosen) => openBundle(source, chosen));
  const frontEnd = bundle.inside && (await SpokenText.open(bundle.inside).catch(async (error) => {
    await bundle.release();
    throw error;
  }));
  return new MODELS[bundle.manifest.family][bundle.manifest.kind](bundle, frontEnd);
}
