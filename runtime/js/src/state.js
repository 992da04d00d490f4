/**
 * A stream's state as bytes, the same that the Python runtime writes and reads:
 *
 *     magic "ADRS", version (1 byte), length of the header (uint32), header (JSON, UTF-8), arrays, CRC-32 (uint32)
 *
 * All numbers are little-endian; docs/bundle-format.md has the whole.
 */
import { guidanceRows } from "./config.js";
import { nullControls, turned } from "./controls.js";
import { DamagedFileError } from "./errors.js";
import { arrayOf, TokenGenerator } from "./generator.js";
import { parseStrict } from "./json.js";
import { ends, MAX_GUIDANCE } from "./manifest.js";
import { MAX_WORD_TOKENS, MAX_WORDS, Playlist } from "./playlist.js";
import { SAMPLERS } from "./samplers.js";
import { between, boolean, list, nullable, object, oneOf, refuse, string, whole } from "./schema.js";
import { MAX_COUNT, MAX_TEMPERATURE } from "./specs.js";

const MAGIC = "ADRS";
const VERSION = 4;
const START = 9;
const END = 4;
const MAX_HEADER = 1 << 20;
const MAX_POSITION = 2 ** 32;
export const MAX_CHUNK = 1 << 14;

const count = whole(0, Number.MAX_SAFE_INTEGER);
const index = whole(0, 1 << 16);
/** @type {import("./schema.js").Reader<bigint>} */
const seed = (value, where, problem) =>
  (typeof value === "bigint" || Number.isSafeInteger(value)) && BigInt(/** @type {number} */ (value)) >= 0n
  && BigInt(/** @type {number} */ (value)) < 1n << 64n
    ? BigInt(/** @type {number} */ (value))
    : refuse(where, "0 to 2^64 - 1", value, problem);
const header = object({
  bundle: string,
  settings: object({
    labels: list(index), speakers: list(index), steps: whole(1, 10000), sampler: oneOf(...SAMPLERS),
    guidance: between(0, MAX_GUIDANCE), temperature: between(0, MAX_TEMPERATURE), seed,
  }),
  position: whole(0, MAX_POSITION - 1), past: count, labels: list(index), finished: list(boolean),
  limit: nullable(whole(1, 2 ** 53)), chunk_tokens: whole(1, MAX_CHUNK), emitted: count, skip: count,
  playlist: nullable(object({
    labels: list(index), pause: whole(0, MAX_WORD_TOKENS), longest: whole(1, MAX_WORD_TOKENS), cycle: boolean,
    word: whole(0, MAX_POSITION - 1), made: count, quiet: count,
  })),
  controls: nullable(whole(0, MAX_POSITION - 1)),
}, { controls: null });

/** @typedef {ReturnType<typeof header>} Header */

/** Errors of a state say what is wrong with it. */
class Located extends DamagedFileError {
  /** @param {string} message */
  constructor(message) {
    super(`the stream's state: ${message}`);
    this.name = "DamagedFileError";
  }
}

/**
 * @param {import("./stream.js").Stream} stream
 * @returns {Uint8Array}
 */
export function packState(stream) {
  const { generator, progress, playlist, known } = stream;
  const { settings, bundle } = generator;
  const states = ordered(generator.manifest).map((spec) => ({ ...progress.backbone, ...progress.decoder }[spec.past]));
  const cache = generator.manifest.states.find((spec) => spec.shape.includes("past"));
  const past = cache ? progress.backbone[cache.past].dims[cache.shape.indexOf("past")] : 0;
  const values = {
    bundle: bundle.hash, settings: { ...settings, seed: "SEED" }, position: progress.position, past,
    labels: progress.labels, finished: progress.finished, limit: stream.limit, chunk_tokens: stream.chunkTokens,
    emitted: stream.emitted, skip: stream.skip, playlist: playlist ? { ...playlist } : null,
    ...(known !== null && { controls: known }),
  };
  // JSON.stringify has no word for numbers above 2^53.
  const text = new TextEncoder().encode(JSON.stringify(values).replace('"SEED"', String(settings.seed)));
  const told = known === null ? [] : [turned(/** @type {BigInt64Array} */ (progress.controls), known, generator.batch)];
  const arrays = [progress.token, ...states.map((state) => state.data), ...told].map(bytesOf);
  const whole = new Uint8Array(START + text.length + arrays.reduce((sum, a) => sum + a.length, 0) + END);
  const view = new DataView(whole.buffer);
  whole.set(new TextEncoder().encode(MAGIC));
  whole[MAGIC.length] = VERSION;
  view.setUint32(START - 4, text.length, true);
  whole.set(text, START);
  let at = START + text.length;
  for (const array of arrays) {
    whole.set(array, at);
    at += array.length;
  }
  view.setUint32(at, crc32(whole.subarray(0, at)), true);
  return whole;
}

/**
 * The checked header of a state of the bundle, and what goes on.
 * @param {Uint8Array} state
 * @param {import("./bundle.js").Bundle} bundle
 */
export async function unpackState(state, bundle) {
  const { manifest } = bundle;
  const view = new DataView(state.buffer, state.byteOffset, state.length);
  const damaged = (/** @type {string} */ how) => new DamagedFileError(`not a stream's state, or damaged: ${how}; save it again`);
  if (state.length < START + END || new TextDecoder().decode(state.subarray(0, MAGIC.length)) !== MAGIC) {
    throw damaged("it does not begin as one does");
  }
  if (state[MAGIC.length] !== VERSION) {
    throw new Located(`has version ${state[MAGIC.length]}, this runtime reads ${VERSION}; start the stream anew`);
  }
  if (crc32(state.subarray(0, -END)) !== view.getUint32(state.length - END, true)) throw damaged("its checksum is another");
  const length = view.getUint32(START - 4, true);
  if (length > Math.min(MAX_HEADER, state.length - START - END)) throw damaged(`its header is said to have ${length} bytes`);
  const read = readHeader(state.subarray(START, START + length));
  if (read.bundle !== bundle.hash) {
    throw new DamagedFileError(`the stream's state is of another bundle (${read.bundle.slice(0, 12)}…), not ${bundle.hash.slice(0, 12)}…`);
  }
  check(read, manifest);
  const arrays = readArrays(read, manifest, state.slice(START + length, -END));
  const generator = await TokenGenerator.create(bundle, read.settings);
  const progress = generator.start();
  const [token, ...states] = arrays;
  Object.assign(progress, {
    token: token.data, position: read.position, labels: read.labels, finished: read.finished,
    conditioning: generator.conditioning(read.labels), controls: readControls(read, manifest, states),
  });
  ordered(manifest).forEach((spec, i) => {
    const kept = spec.graph === "backbone" ? progress.backbone : progress.decoder;
    kept[spec.past] = new bundle.ort.Tensor(spec.dtype, states[i].data, states[i].dims);
  });
  const words = read.playlist;
  const playlist = words
    && new Playlist(words.labels, words.pause, words.longest, words.cycle, words.word, words.made, words.quiet);
  return { header: read, generator, progress, playlist };
}

/**
 * The controls of the tokens to come, which come behind the states.
 * @param {Header} h
 * @param {import("./manifest.js").Manifest} manifest
 * @param {{data: any}[]} arrays
 */
function readControls(h, manifest, arrays) {
  if (h.controls === null) return null;
  const data = /** @type {BigInt64Array} */ (arrays[manifest.states.length].data);
  const nulls = nullControls(manifest);
  const good = data.every((value, i) => value <= nulls[i % nulls.length]);
  return good ? turned(data, h.labels.length, h.controls) : refuse("controls", "classes that the model has", "others", Located);
}

/** @param {Uint8Array} bytes @returns {Header} */
function readHeader(bytes) {
  let values;
  try {
    values = parseStrict(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (error) {
    throw new Located(`not JSON: ${/** @type {Error} */ (error).message}`);
  }
  return header(values, "", Located);
}

/** @param {Header} h @param {import("./manifest.js").Manifest} m */
function check(h, m) {
  const rule = (/** @type {string} */ where, /** @type {boolean} */ good, /** @type {string} */ expected, /** @type {unknown} */ found) => {
    if (!good) refuse(where, expected, found, Located);
  };
  const audio = /** @type {{hop: number, delay: number}} */ (m.audio);
  const [rows, { settings: s, playlist: p }] = [h.labels.length, h];
  const upTo = (/** @type {number[]} */ indices, /** @type {string[]} */ names) => indices.every((i) => i <= names.length);
  rule("labels", rows >= 1 && rows <= MAX_COUNT && upTo(h.labels, m.labels), `up to ${MAX_COUNT} known labels`, h.labels);
  rule("finished", h.finished.length === rows, `${rows} rows`, h.finished.length);
  rule("settings.labels", s.labels.length === rows && upTo(s.labels, m.labels), `${rows} known labels`, s.labels);
  rule("settings.speakers", s.speakers.length === rows && upTo(s.speakers, m.speakers), `${rows} known speakers`, s.speakers);
  rule("settings.steps", s.steps <= m.schedule.betas.length, `1 to ${m.schedule.betas.length}`, s.steps);
  rule("past", h.past <= (m.states.some((spec) => spec.shape.includes("past")) ? h.position : 0), "no more than was made", h.past);
  rule("emitted", h.emitted <= h.position * audio.hop, "no more than was made", h.emitted);
  rule("controls", h.controls === null || m.controls.length > 0, "null without controls", h.controls);
  rule("skip", h.skip <= audio.delay, `0 to ${audio.delay}`, h.skip);
  rule("playlist", p === null || (rows === 1 && ends(m)), "one row of a model that says where a word is over", p);
  if (!p) return;
  rule("playlist.labels", p.labels.length >= 1 && p.labels.length <= MAX_WORDS && upTo(p.labels, m.labels), "known labels", p.labels);
  rule("playlist.made", p.made < p.longest && p.quiet <= p.pause, "counts of this word", p.made);
}

/** @param {import("./manifest.js").Manifest} manifest */
const ordered = (manifest) => ["backbone", "decode"].flatMap((graph) => manifest.states.filter((s) => s.graph === graph));

/**
 * The last token, then the states in their order, then the controls of the tokens to come where some are known.
 * @param {Header} h
 * @param {import("./manifest.js").Manifest} manifest
 * @param {Uint8Array} data its own copy, so that it begins at an aligned place
 */
function readArrays(h, manifest, data) {
  const rows = h.labels.length;
  const guides = guidanceRows(manifest, h.settings);
  const specs = [
    { past: "token", dtype: "float32", dims: [rows, manifest.tokens.channels] },
    ...ordered(manifest).map(({ past, dtype, shape, graph }) => {
      const named = /** @type {Record<string, number>} */ ({ rows: graph === "backbone" ? rows * guides : rows, past: h.past });
      return { past, dtype, dims: shape.map((size) => (typeof size === "string" ? named[size] : size)) };
    }),
    ...(h.controls === null ? [] : [{ past: "controls", dtype: "int64", dims: [rows, h.controls, manifest.controls.length] }]),
  ];
  let at = 0;
  const bytes = specs.reduce((sum, { dtype, dims }) => sum + dims.reduce((a, b) => a * b, arrayOf(dtype, 1).byteLength), 0);
  if (bytes !== data.length) throw new Located(`expected ${bytes} bytes of arrays, found ${data.length}`);
  const arrays = specs.map(({ past, dtype, dims }) => {
    const array = arrayOf(dtype, dims.reduce((a, b) => a * b, 1));
    bytesOf(array).set(data.subarray(at, at + array.byteLength));
    at += array.byteLength;
    const good = array instanceof BigInt64Array
      ? array.every((value) => value >= 0n && value < BigInt(MAX_POSITION))
      : array.every((/** @type {number} */ value) => Number.isFinite(value));
    if (!good) throw new Located(`${past}: expected finite numbers and positions, found others`);
    return { data: array, dims };
  });
  return arrays;
}

/**
 * The bytes of an array. Every platform that JavaScript runs on today is little-endian.
 * @param {ArrayBufferView} array
 */
const bytesOf = (array) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let c = byte;
  for (let bit = 0; bit < 8; bit += 1) c = c & 1 ? (c >>> 1) ^ 0xedb88320 : c >>> 1;
  return c;
});

/** @param {Uint8Array} bytes */
function crc32(bytes) {
  let c = 0xffffffff;
  for (const byte of bytes) c = TABLE[(c ^ byte) & 0xff] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}
