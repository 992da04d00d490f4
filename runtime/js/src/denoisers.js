/** What denoises each token: the sampler's table, the timesteps' modulation, the mix of guides. */
import { jumps } from "./manifest.js";
import { ofPart } from "./parts.js";
import { coefficients, COLUMNS, initialScale } from "./samplers.js";

/**
 * What the head is fed for a token beside its condition and noise, and what the initial noise is multiplied by.
 * @typedef {object} Denoiser
 * @property {number} steps
 * @property {Record<string, import("./bundle.js").Tensor>} constants
 * @property {boolean} noisy whether the sampler adds noise
 * @property {number} scale
 */

/** Those of one run of tokens, each made when the first token needs it. */
export class Denoisers {
  /**
   * @param {import("./bundle.js").Bundle} bundle
   * @param {import("./config.js").Settings} settings
   * @param {number} guides
   */
  constructor(bundle, settings, guides) {
    this.bundle = bundle;
    this.settings = settings;
    this.guides = guides;
    /** @type {Map<string, Promise<Denoiser>>} */
    this.made = new Map();
  }

  /**
   * That of the token at a position.
   * @param {number} position
   * @returns {Promise<Denoiser>}
   */
  at(position) {
    const { length } = this.bundle.manifest.tokens;
    const { steps, guidance, temperature } = this.settings;
    const values = [steps, guidance, temperature].map((value) => ofPart(value, position, length));
    const key = values.join();
    let denoiser = this.made.get(key);
    if (!denoiser) {
      denoiser = this.prepare(values[0], values[1], values[2]);
      this.made.set(key, denoiser);
    }
    return denoiser;
  }

  /**
   * @param {number} steps
   * @param {number} guidance
   * @param {number} temperature
   * @returns {Promise<Denoiser>}
   */
  async prepare(steps, guidance, temperature) {
    const { bundle, bundle: { manifest }, settings: { sampler, labels } } = this;
    const { timesteps, table } = coefficients(manifest.schedule, sampler, steps, temperature, manifest.defaults.spacing);
    const feed = /** @type {Record<string, [BigInt64Array, number[]]>} */ ({ timestep: [integers(timesteps), [steps]] });
    if (jumps(manifest)) {
      // ddim's steps are jumps to the next level; the other samplers ask for the slope where they are.
      const arrival = sampler === "ddim" ? [...timesteps.slice(1).map((t) => t + 1), 0] : timesteps.map((t) => t + 1);
      feed.arrival = [integers(arrival), [steps]];
    }
    const { modulation } = await bundle.run("timestep", feed);
    const weights = this.guides === 2 ? [guidance, 1 - guidance] : [1];
    const mix = Float32Array.from(weights.flatMap((weight) => Array(labels.length).fill(weight)));
    const constants = {
      mix: bundle.tensor(mix, [this.guides, labels.length]), modulation, coefficients: bundle.tensor(table, [steps, COLUMNS]),
      clip: bundle.tensor(Float32Array.of(manifest.schedule.clip), []),
    };
    const noisy = table.some((value, i) => i % COLUMNS === 5 && value !== 0);
    return { steps, constants, noisy, scale: Math.fround(initialScale(sampler, temperature)) };
  }
}

/** @param {number[]} values */
export const integers = (values) => BigInt64Array.from(values, BigInt);
