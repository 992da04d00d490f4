/** Waveforms in any order: new ones, what comes after a recording, or one with its holes filled. */
import { checkBytes } from "../config.js";
import { InputError } from "../errors.js";
import { roundEven } from "../samplers.js";
import { plainSeed } from "../stream.js";
import { resolve } from "./config.js";
import { AnyOrderModel, VALUE_BYTES } from "./model.js";
import { fromSample, toSample } from "./variables.js";

const FULL = 32768;

/** @typedef {{count?: number} & import("./config.js").AnyOrderOptions} AnyOrderAudioOptions */
/**
 * @typedef {object} AnyOrderAudioChoices
 * @property {number} [seconds] of new sound; 1 unless given
 * @property {Float32Array} [prompt] samples at the model's rate, with which every clip begins
 */
/**
 * @typedef {object} FillAudioChoices
 * @property {Float32Array} audio samples at the model's rate
 * @property {ArrayLike<number | boolean>} mask one for each sample: what it has 0 comes back exactly as given, the rest is
 * made anew
 */

/** Samples that are made are whole 32768ths. */
export class AnyOrderAudioModel extends AnyOrderModel {
  kind = /** @type {const} */ ("audio");

  /** Hz. */
  get samplingRate() {
    return this.variables.sample_rate;
  }

  /**
   * @param {AnyOrderAudioChoices & AnyOrderAudioOptions} [options]
   * @returns {Promise<import("../audio.js").Audio>}
   */
  async generate({ seconds = 1, prompt = new Float32Array(0), count = 1, ...choices } = {}) {
    const settings = resolve(this.manifest, choices);
    if (!(seconds > 0 && seconds < Infinity)) throw new InputError(`seconds must be more than 0 and finite, not ${seconds}`);
    checkBytes(VALUE_BYTES * (count + 1) * seconds * this.samplingRate, `${count} sound(s) of ${seconds} s`);
    checkSamples(prompt, "prompt");
    const audio = new Float32Array(prompt.length + Math.max(roundEven(seconds * this.samplingRate), 1));
    audio.set(prompt);
    return this.answered(audio, audio.map((_, i) => Number(i >= prompt.length)), count, settings);
  }

  /**
   * Fill in what is missing of a recording; one answer unless `count` is given.
   * @param {FillAudioChoices & AnyOrderAudioOptions} options
   * @returns {Promise<import("../audio.js").Audio>}
   */
  async fill({ audio, mask, count = 1, ...choices }) {
    const settings = resolve(this.manifest, choices);
    checkSamples(audio, "audio");
    if (!audio.length || mask?.length !== audio.length) {
      throw new InputError(`${this.manifest.name} fills in at least one sample, with a mask of as many values`);
    }
    return this.answered(audio, mask, count, settings);
  }

  /**
   * @param {Float32Array} audio
   * @param {ArrayLike<number | boolean>} mask
   * @param {number} count
   * @param {import("./config.js").AnyOrderSettings} settings
   */
  async answered(audio, mask, count, settings) {
    const { variables: spec } = this;
    const values = Int32Array.from(audio, (sample) => fromSample(Math.min(Math.max(roundEven(sample * FULL), -FULL), FULL - 1), spec));
    const target = Uint8Array.from(mask, (missing) => Number(Boolean(missing)));
    const answers = await this.fillIn({ values, target, rows: 1, columns: values.length }, count, settings);
    const clips = Array.from({ length: count }, (_, row) =>
      audio.map((sample, i) => (target[i] ? toSample(answers[row * values.length + i], spec) / FULL : sample)));
    return { audio: clips[0], clips, sampling_rate: this.samplingRate, seed: plainSeed(settings.seed) };
  }
}

/** @param {Float32Array} samples @param {string} name */
function checkSamples(samples, name) {
  if (!(samples instanceof Float32Array) || !samples.every(Number.isFinite)) {
    throw new InputError(`${name} must be a Float32Array of finite samples`);
  }
}
