/** manifest.json of a causal model (family "adr"), read strictly: a bundle comes from others. */
import { fits } from "./parts.js";
import { COLUMNS, SAMPLERS } from "./samplers.js";
import { between, boolean, list, nullable, number, object, oneOf, string, whole } from "./schema.js";
import {
  checkCommon, checkInputs, COMMON, COMMON_DEFAULTS, dimension, Located, MAX_COUNT, MAX_MANIFEST_BYTES, MAX_TEMPERATURE, rule,
} from "./specs.js";
import { CONTROLS } from "./spoken_text/controls.js";

const MAX_STATE_BYTES = 2 ** 28;
export const MAX_GUIDANCE = 100;
const MAX_SECONDS = 3600;
const MAX_CONTROLS = 64;
/** The graphs that generating without a prompt takes. */
export const NEEDED = ["step", "timestep", "head", "decode"];
/**
 * The graphs that a bundle of a kind must have. `encode` and `parallel` take in prompts, which are of sound in this
 * runtime; a voice may be without, and then takes none.
 * @param {string} kind
 */
const graphsOf = (kind) => (kind === "image" ? [...NEEDED, "encode"] : NEEDED);
const ITEM_BYTES = /** @type {Record<string, number>} */ ({ bool: 1, float32: 4, float64: 8, int64: 8 });

const state = object({
  graph: oneOf("backbone", "decode"), past: string, present: string,
  dtype: oneOf("bool", "float32", "float64", "int64"), shape: list(dimension), initial: number,
});
const schedule = object({
  betas: list(between(Number.MIN_VALUE, 1)), prediction: oneOf("epsilon", "velocity"), learned_variance: boolean,
  clip: between(Number.MIN_VALUE, Number.MAX_VALUE),
});
const control = object({ name: string, classes: whole(1, 1 << 16) });
/** The manifest of the bundle inside that makes a text into controls. */
const spokenText = object({ file: oneOf("text/manifest.json"), sha256: string, bytes: whole(1, MAX_MANIFEST_BYTES) });
const audio = object({ sample_rate: whole(1, 768000), hop: whole(1, 1 << 16), delay: whole(0, 1 << 20) });
const side = whole(1, 1 << 14);
const image = object(
  { height: side, width: side, channels: side, patch: side, levels: whole(1, 8) }, { levels: 1 },
);
/**
 * A number, or one for each part of a picture.
 * @param {import("./schema.js").Reader<number>} item
 * @returns {import("./schema.js").Reader<number | number[]>}
 */
const parts = (item) => (value, where, problem) => (Array.isArray(value) ? list(item) : item)(value, where, problem);
const defaults = object(
  {
    steps: parts(whole(1, 10000)), sampler: oneOf(...SAMPLERS), guidance: parts(between(0, MAX_GUIDANCE)),
    temperature: parts(between(0, MAX_TEMPERATURE)), seconds: between(Number.MIN_VALUE, MAX_SECONDS), count: whole(1, MAX_COUNT),
    spacing: between(1, 4),
  },
  { spacing: 1 },
);
const manifest = object(
  {
    ...COMMON, family: oneOf("adr"), kind: oneOf("audio", "image"), dialect: oneOf("linear-attention", "portable"),
    states: list(state), tokens: object({
      geometry: string, channels: whole(1, 1 << 16), condition: whole(1, 1 << 16), length: nullable(whole(1, 2 ** 30)),
    }),
    schedule, speakers: list(string), controls: list(control), spoken_text: nullable(spokenText), audio: nullable(audio),
    image: nullable(image), defaults,
  },
  { ...COMMON_DEFAULTS, controls: [], spoken_text: null },
);

/** @typedef {ReturnType<typeof manifest>} Manifest */
/** @typedef {ReturnType<typeof schedule>} Schedule */
/** @typedef {ReturnType<typeof state>} State */
/** @typedef {import("./specs.js").Shape} Shape */

/**
 * @param {unknown} values from JSON
 * @returns {Manifest}
 * @throws {import("./errors.js").BundleError} in one line that names the field, what was expected and what was found
 */
export function readCausal(values) {
  const read = manifest(values, "", Located);
  check(read);
  return read;
}

/**
 * What types cannot say, and that the graphs take and give what this runtime feeds and reads.
 * @param {Manifest} m
 */
function check(m) {
  checkCommon(m);
  const graphs = graphsOf(m.kind);
  rule("graphs", graphs.every((name) => name in m.graphs), graphs.join(", "), Object.keys(m.graphs).join(", "));
  const prompts = ["encode", "parallel"].filter((name) => name in m.graphs);
  rule("graphs", m.kind === "image" || prompts.length !== 1, "both encode and parallel, or neither", prompts.join());
  rule("audio", (m.audio !== null) === (m.kind === "audio"), "set for sound only", m.audio);
  rule("image", (m.image !== null) === (m.kind === "image"), "set for pictures only", m.image);
  rule("schedule.betas", m.schedule.betas.length >= 1, "1 to 10000 numbers", m.schedule.betas);
  const most = m.schedule.betas.length;
  rule("defaults.steps", [m.defaults.steps].flat().every((steps) => steps <= most), `1 to ${most}`, m.defaults.steps);
  for (const name of /** @type {("steps" | "guidance" | "temperature")[]} */ (["steps", "guidance", "temperature"])) {
    const value = m.defaults[name];
    rule(`defaults.${name}`, fits(value, m.tokens.length), "a number, or one for each equal part of a picture", value);
  }
  rule("speakers", new Set(m.speakers).size === m.speakers.length, "none twice", "others");
  const told = m.controls.map(({ name }) => name);
  rule("controls", told.length <= MAX_CONTROLS, `at most ${MAX_CONTROLS}`, m.controls);
  rule("controls", !told.length || m.kind === "audio", "none for pictures", m.controls);
  rule("controls", new Set(told).size === told.length, "no control twice", "others");
  const spells = (/** @type {typeof m.controls} */ all) => all.map(({ name, classes }) => `${name} ${classes}`).join(", ");
  const speaks = spells(m.controls) === spells(CONTROLS);
  rule("spoken_text", m.spoken_text === null || speaks, "none without the controls of spoken text", m.spoken_text);
  if (m.image) {
    const { height, width, patch, levels } = m.image;
    rule("image", height % patch === 0 && width % patch === 0, "sizes that the patch divides", m.image);
    const count = (levels * height * width) / patch ** 2;
    rule("tokens.length", m.tokens.length === count, `${count}`, m.tokens.length);
  }
  let bytes = 0;
  m.states.forEach((one, i) => {
    rule(`states[${i}].shape`, one.shape[0] === "rows", 'a first dimension "rows"', one.shape);
    bytes += one.shape.reduce((/** @type {number} */ a, b) => a * (typeof b === "number" ? b : 1), ITEM_BYTES[one.dtype]);
  });
  rule("states", bytes <= MAX_STATE_BYTES, `at most ${MAX_STATE_BYTES} bytes a row`, bytes);
  checkGraphs(m);
}

/** @param {Manifest} m */
function checkGraphs(m) {
  const { channels, condition } = m.tokens;
  const modulation = m.graphs.timestep.outputs[0]?.shape[1];
  const named = ["label", "speaker"].filter((what) => m[/** @type {"labels"} */ (`${what}s`)].length);
  const past = (/** @type {string} */ which) => m.states.filter((s) => s.graph === which).map((s) => [s.past, s.shape]);
  const integers = (/** @type {string[]} */ names, /** @type {string} */ size) => names.map((name) => [name, [size]]);
  const controls = (/** @type {Shape} */ ...lead) => (m.controls.length ? [["controls", [...lead, m.controls.length]]] : []);
  const expected = /** @type {Record<string, [string, Shape][]>} */ (/** @type {unknown} */ ({
    step: [["token", ["rows", channels]], ...integers(named, "rows"), ...controls("rows"), ...past("backbone")],
    ...("parallel" in m.graphs && {
      parallel: [
        ["tokens", ["rows", "length", channels]], ...integers(named, "rows"), ...controls("rows", "length"), ...past("backbone"),
      ],
    }),
    timestep: integers(jumps(m) ? ["timestep", "arrival"] : ["timestep"], "steps"),
    head: [
      ["condition", ["guides", "batch", condition]], ["mix", ["guides", "batch"]], ["modulation", ["steps", modulation]],
      ["coefficients", ["steps", COLUMNS]], ["initial", ["batch", channels]], ["noise", ["steps", "batch", channels]],
      ["clip", []],
    ],
    decode: [["tokens", ["rows", m.tokens.length ?? "length", channels]], ...past("decode")],
  }));
  const gives = /** @type {Record<string, string[]>} */ ({
    step: ["condition"], timestep: ["modulation"], head: ["token"], decode: [m.audio ? "samples" : "pixels"],
    ...("encode" in m.graphs && { encode: ["tokens"] }), ...("parallel" in m.graphs && { parallel: ["conditions"] }),
  });
  for (const [name, names] of Object.entries(gives)) {
    const which = name === "decode" ? "decode" : name === "step" || name === "parallel" ? "backbone" : "";
    const all = [...names, ...m.states.filter((s) => s.graph === which).map((s) => s.present)];
    const found = m.graphs[name].outputs.map((t) => t.name);
    rule(`graphs.${name}.outputs`, all.every((one) => found.includes(one)), all.join(", "), found.join(", "));
  }
  for (const [name, tensors] of Object.entries(expected)) checkInputs(m.graphs, name, tensors);
}

/**
 * Whether the head was distilled into jumps from one noise level to another.
 * @param {Manifest} m
 */
export const jumps = (m) => m.graphs.timestep.inputs.some((input) => input.name === "arrival");

/**
 * Whether the model says where a clip is over.
 * @param {Manifest} m
 */
export const ends = (m) => m.graphs.step.outputs.some((output) => output.name === "end");
