/** What may be chosen of a generation, and what that comes to with a bundle. */
import { InputError } from "./errors.js";
import { MAX_GUIDANCE } from "./manifest.js";
import { parted } from "./parts.js";
import { SAMPLERS } from "./samplers.js";
import { MAX_COUNT, MAX_TEMPERATURE } from "./specs.js";

/** What a generation may take, by an estimate from its settings. */
const MAX_BYTES = 4 * 2 ** 30;

/** A label or speaker by name or number; null is none. @typedef {string | number | null} Label */

/**
 * @typedef {object} GenerationOptions
 * @property {number | number[]} [steps] denoising steps a token; of pictures also one number for each of several equal parts of
 * the tokens, as the levels of a pyramid, and so are guidance and temperature
 * @property {string} [sampler] "ddpm", "ddim" or "dpm++"
 * @property {number | number[]} [guidance] scale of classifier-free guidance; 1 is none
 * @property {number | number[]} [temperature] scale of the noise; 1 is the model's own
 * @property {number | bigint} [seed] from 0 to 2^64 - 1; drawn unless given
 * @property {Label} [speaker]
 */

/**
 * @typedef {object} Settings
 * @property {number[]} labels one index a row; that of no label is the number of labels
 * @property {number[]} speakers
 * @property {number | number[]} steps
 * @property {string} sampler
 * @property {number | number[]} guidance
 * @property {number | number[]} temperature
 * @property {bigint} seed
 */

/**
 * Checked settings for one row a label.
 * @param {import("./manifest.js").Manifest} manifest
 * @param {GenerationOptions} options
 * @param {Label[]} labels
 * @returns {Settings}
 */
export function resolve(manifest, options, labels) {
  const { defaults, schedule, tokens: { length } } = manifest;
  refuseOthers(options, ["steps", "sampler", "guidance", "temperature", "seed", "speaker"]);
  const timesteps = schedule.betas.length;
  const steps = parted(options.steps ?? defaults.steps, "steps", length, (value) => {
    if (Number.isInteger(value) && value >= 1 && value <= timesteps) return value;
    throw new InputError(`steps must be from 1 to ${timesteps}, not ${value}`);
  });
  const sampler = options.sampler ?? defaults.sampler;
  if (!SAMPLERS.includes(sampler)) throw new InputError(`unknown sampler '${sampler}'; there are ${SAMPLERS.join(", ")}`);
  const [guidance, temperature] = /** @type {["guidance" | "temperature", number][]} */ (
    [["guidance", MAX_GUIDANCE], ["temperature", MAX_TEMPERATURE]]
  ).map(([name, most]) => parted(options[name] ?? defaults[name], name, length, (value) => ranged(name, value, most)));
  return {
    labels: labels.map((label) => indexOf(label, "label", manifest.labels, manifest.name)),
    speakers: labels.map(() => indexOf(options.speaker ?? null, "speaker", manifest.speakers, manifest.name)),
    steps, sampler, guidance, temperature, seed: checkedSeed(options.seed),
  };
}

/**
 * Refuses options of other names.
 * @param {object} options
 * @param {string[]} known
 */
export function refuseOthers(options, known) {
  for (const name of Object.keys(options)) if (!known.includes(name)) throw new InputError(`unknown option ${name}`);
}

/** @param {string} name @param {number} value @param {number} most */
export function ranged(name, value, most) {
  if (!(typeof value === "number" && value >= 0 && value <= most)) {
    throw new InputError(`${name} must be from 0 to ${most}, not ${value}`);
  }
  return value;
}

/** @param {number | bigint | undefined} seed @returns {bigint} */
export function checkedSeed(seed) {
  if (seed === undefined) return BigInt(crypto.getRandomValues(new Uint32Array(1))[0]);
  if (typeof seed === "bigint" ? seed >= 0n && seed < 1n << 64n : Number.isSafeInteger(seed) && seed >= 0) return BigInt(seed);
  throw new InputError(`seed must be a whole number from 0 to 2^64 - 1 (above 2^53 as a BigInt), not ${seed}`);
}

/**
 * How many rows of the backbone make one row of tokens: with classifier-free guidance a second one, which knows no label and no
 * controls.
 * @param {import("./manifest.js").Manifest} manifest
 * @param {Settings} settings
 */
export function guidanceRows(manifest, settings) {
  const named =
    settings.labels.some((i) => i !== manifest.labels.length) || settings.speakers.some((i) => i !== manifest.speakers.length);
  return settings.guidance !== 1 && (named || manifest.controls.length) ? 2 : 1;
}

/**
 * One label a row.
 * @param {Label | Label[] | undefined} label
 * @param {number | undefined} count
 * @param {number} [otherwise]
 * @returns {Label[]}
 */
export function labelRows(label, count, otherwise = 1) {
  if (Array.isArray(label)) {
    if (count !== undefined && count !== label.length) {
      throw new InputError(`${label.length} labels but a count of ${count}; give one label a row, or one for all`);
    }
    checkCount(label.length);
    return label;
  }
  checkCount(count ?? otherwise);
  return Array(count ?? otherwise).fill(label ?? null);
}

/** @param {number} count */
export function checkCount(count) {
  if (!(Number.isInteger(count) && count >= 1 && count <= MAX_COUNT)) {
    throw new InputError(`count must be from 1 to ${MAX_COUNT}, not ${count}`);
  }
}

/** @param {Label} name @param {string} what @param {string[]} names @param {string} model */
export function indexOf(name, what, names, model) {
  if (name === null) return names.length;
  if (!names.length) throw new InputError(`${model} has no ${what}s; leave the ${what} out`);
  const index = typeof name === "string" ? names.indexOf(name) : name;
  if (Number.isInteger(index) && index >= 0 && index < names.length) return index;
  throw new InputError(`unknown ${what} '${name}'; ${model} knows ${names.join(", ")}`);
}

/**
 * Refuses what is estimated to need too much memory.
 * @param {number} bytes
 * @param {string} what
 */
export function checkBytes(bytes, what) {
  if (bytes <= MAX_BYTES) return;
  throw new InputError(
    `${what} would take about ${(bytes / 2 ** 30).toFixed(1)} GiB of memory, and up to ${MAX_BYTES / 2 ** 30} GiB are taken; `
      + "ask for fewer or less at a time",
  );
}
