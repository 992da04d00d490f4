/** The test vectors of a bundle, `vectors.json`: whether this runtime makes here what the bundle was made for. */
import { resolve } from "./config.js";
import { DamagedFileError } from "./errors.js";
import { TokenGenerator } from "./generator.js";
import { parseStrict } from "./json.js";
import { normal } from "./philox.js";
import { coefficients, COLUMNS, roundEven } from "./samplers.js";
import { list, number, object, string, whole } from "./schema.js";

const VECTORS = "vectors.json";
/** What another processor's logarithms, sines and roots may differ by. */
const TABLE_TOLERANCE = 1e-5;
/** The first values of a large picture say enough. */
const MOST_PIXELS = 1 << 14;

const count = whole(0, 2 ** 32 - 1);
/** @type {import("./schema.js").Reader<any>} */
const numberOrParts = (value, where, problem) =>
  Array.isArray(value) ? list(number)(value, where, problem) : number(value, where, problem);
const argumentsOf = object(
  {
    seed: string, steps: numberOrParts, temperature: numberOrParts, label: string, speaker: string, sampler: string,
    guidance: numberOrParts, tokens: count, length: count, template: string,
  },
  { label: null, speaker: null, sampler: null, guidance: null, tokens: null, length: null, template: null },
);
const vectorsOf = object(
  {
    bundle: string,
    noise: list(object({ seed: string, row: count, token: count, step: count, values: list(number) })),
    samplers: list(object({
      sampler: string, steps: count, temperature: number, timesteps: list(count), coefficients: list(list(number)),
    })),
    results: list(object(
      {
        arguments: argumentsOf, tolerance: number, first_tokens: list(list(number)), samples: list(number),
        pixels: list(count), text: string,
      },
      { first_tokens: [], samples: [], pixels: [], text: "" },
    )),
  },
  { noise: [], samplers: [] },
);

/**
 * How far this runtime is from the vectors in one thing.
 * @typedef {object} Check
 * @property {string} what
 * @property {number} difference
 * @property {number} tolerance
 * @property {boolean} passed
 */

/**
 * Make everything again that the bundle's vectors have, and compare.
 * @param {import("./index.js").Model} model
 * @returns {Promise<Check[]>}
 * @throws {import("./errors.js").ADRError}
 */
export async function selfTest(model) {
  const vectors = await readVectors(model.bundle);
  const checks = [...tables(model, vectors)];
  for (const result of vectors.results) {
    const made = await resultOf(model, result.arguments);
    const { sampler, label, steps, seed } = result.arguments;
    const name = [sampler && `sampler ${sampler}`, label && `label ${label}`, `steps ${steps}`, `seed ${seed}`];
    for (const [what, values] of Object.entries(made)) {
      const wanted = [.../** @type {Record<string, any>} */ (result)[what]].flat();
      const drawn = !("first_tokens" in made);
      const difference = drawn ? differing(values, wanted) : largest(values, wanted) / (what === "pixels" ? 255 : 1);
      checks.push(check(`${what.replace("_", " ")} (${name.filter(Boolean).join(", ")})`, difference, result.tolerance));
    }
  }
  return checks;
}

/** @param {import("./bundle.js").Bundle<any>} bundle */
async function readVectors(bundle) {
  const data = await bundle.read(VECTORS);
  let values;
  try {
    values = parseStrict(new TextDecoder("utf-8", { fatal: true }).decode(data));
  } catch (error) {
    throw new DamagedFileError(`${VECTORS}: not JSON: ${/** @type {Error} */ (error).message}`);
  }
  const vectors = vectorsOf(values, VECTORS, DamagedFileError);
  if (vectors.bundle !== bundle.hash) {
    throw new DamagedFileError(`${VECTORS}: belongs to another bundle, ${vectors.bundle.slice(0, 16)}…; fetch it again`);
  }
  return vectors;
}

/**
 * Noise and tables, of causal models.
 * @param {import("./index.js").Model} model
 * @param {ReturnType<typeof vectorsOf>} vectors
 */
function* tables({ manifest }, vectors) {
  if (manifest.family !== "adr") return;
  const { schedule, defaults, tokens: { channels } } = manifest;
  for (const { seed, row, token, step, values } of vectors.noise) {
    const drawn = normal(BigInt(seed), row + 1, token, step + 1, channels);
    yield check("noise", largest(drawn.slice((step * (row + 1) + row) * channels), values), TABLE_TOLERANCE);
  }
  for (const { sampler, steps, temperature, ...wanted } of vectors.samplers) {
    const { timesteps, table } = coefficients(schedule, sampler, steps, temperature, defaults.spacing);
    const difference = Math.max(largest(timesteps, wanted.timesteps), largest(table, wanted.coefficients.flat()));
    yield check(`table of ${sampler}`, table.length === steps * COLUMNS ? difference : Infinity, TABLE_TOLERANCE);
  }
}

/**
 * What a generation makes, under the names that the vectors have for it.
 * @param {any} model
 * @param {ReturnType<typeof argumentsOf>} given
 * @returns {Promise<Record<string, ArrayLike<number> | string>>}
 */
async function resultOf(model, given) {
  const { manifest, bundle } = model;
  const { steps, temperature } = given;
  const seed = BigInt(given.seed);
  if (manifest.family === "ardm") {
    if (model.kind === "text") return { text: (await model.fill({ template: given.template, seed, steps, temperature })).text };
    if (model.kind === "image") return { pixels: (await model.generate({ count: 1, seed, steps, temperature })).pixels.slice(0, MOST_PIXELS) };
    const seconds = (given.length ?? 1) / manifest.variables.sample_rate;
    const { audio } = await model.generate({ seconds, seed, steps, temperature });
    return { samples: Array.from(audio, (sample) => Math.round(sample * 32768)) };
  }
  const settings = resolve(manifest, { ...dropNulls(given), seed }, [given.label ?? null]);
  const generator = await TokenGenerator.create(bundle, settings);
  const state = generator.start();
  const tokens = [];
  for (let i = 0; i < (manifest.tokens.length ?? given.tokens); i += 1) tokens.push(await generator.next(state));
  const decoded = await generator.decode(state, tokens);
  const first = { first_tokens: tokens.slice(0, 4).flatMap((token) => [...token]) };
  if (manifest.audio) return { ...first, samples: decoded.slice(manifest.audio.delay) };
  return { ...first, pixels: decoded.slice(0, MOST_PIXELS).map((value) => roundEven(Math.fround(Math.min(Math.max(value, 0), 1) * 255))) };
}

/** @param {ReturnType<typeof argumentsOf>} given */
function dropNulls({ steps, temperature, speaker, sampler, guidance }) {
  return Object.fromEntries(
    Object.entries({ steps, temperature, speaker, sampler, guidance }).filter(([, value]) => value !== null),
  );
}

/** @param {string} what @param {number} difference @param {number} tolerance @returns {Check} */
const check = (what, difference, tolerance) => ({ what, difference, tolerance, passed: difference <= tolerance });

/**
 * The largest difference, both as float32; infinite where there are more or fewer.
 * @param {ArrayLike<number> | string} made
 * @param {number[]} wanted
 */
function largest(made, wanted) {
  if (made.length !== wanted.length) return Infinity;
  let most = 0;
  for (let i = 0; i < wanted.length; i += 1) {
    const found = Math.abs(Math.fround(/** @type {ArrayLike<number>} */ (made)[i]) - Math.fround(wanted[i]));
    // What is no number is as far away as can be.
    most = found <= most ? most : Number.isNaN(found) ? Infinity : found;
  }
  return most;
}

/** The part of the values that are others. @param {ArrayLike<number> | string} made @param {ArrayLike<unknown>} wanted */
function differing(made, wanted) {
  if (made.length !== wanted.length) return 1;
  return Array.from(wanted).filter((value, i) => value !== made[i]).length / wanted.length;
}
