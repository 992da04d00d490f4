/** The token loop: one step of the backbone, one run of the head, for each token of every row. */
import { guidanceRows } from "./config.js";
import { nullControls, repeated } from "./controls.js";
import { Denoisers, integers } from "./denoisers.js";
import { normal } from "./philox.js";

const PREFILL = 512;

/**
 * What goes on from token to token. Arrays are replaced at every step and never written to.
 * @typedef {object} GenerationState
 * @property {number} position tokens made so far
 * @property {Float32Array} token (batch, channels)
 * @property {number[]} labels
 * @property {Record<string, [BigInt64Array, number[]]>} conditioning
 * @property {Record<string, import("./bundle.js").Tensor>} backbone
 * @property {Record<string, import("./bundle.js").Tensor>} decoder
 * @property {boolean[]} finished whether the clip was over before the last token
 * @property {BigInt64Array | null} controls (tokens, batch, K) of the tokens to come; null where nobody gave any
 */

/** What a run of tokens shares and never changes: graphs, settings, and what denoises each token. */
export class TokenGenerator {
  /**
   * @param {import("./bundle.js").Bundle} bundle
   * @param {import("./config.js").Settings} settings
   */
  static async create(bundle, settings) {
    const generator = new TokenGenerator(bundle, settings);
    // What cannot be is refused before anything is made.
    await generator.denoisers.at(0);
    return generator;
  }

  /**
   * @param {import("./bundle.js").Bundle} bundle
   * @param {import("./config.js").Settings} settings
   */
  constructor(bundle, settings) {
    const { manifest } = bundle;
    this.bundle = bundle;
    this.manifest = manifest;
    this.settings = settings;
    this.batch = settings.labels.length;
    this.guides = guidanceRows(manifest, settings);
    this.channels = manifest.tokens.channels;
    this.nulls = nullControls(manifest);
    this.denoisers = new Denoisers(bundle, settings, this.guides);
  }

  /** @returns {GenerationState} */
  start() {
    const rows = this.guides * this.batch;
    return {
      position: 0, token: new Float32Array(this.batch * this.channels), labels: this.settings.labels,
      conditioning: this.conditioning(this.settings.labels), backbone: this.initial("backbone", rows),
      decoder: this.initial("decode", this.batch), finished: Array(this.batch).fill(false),
      controls: null,
    };
  }

  /**
   * Begin another clip behind the last one: the decoder and the noise go on, the backbone starts anew.
   * @param {GenerationState} state
   * @param {number[]} labels
   */
  restart(state, labels) {
    const { token, backbone, finished } = this.start();
    Object.assign(state, { labels, conditioning: this.conditioning(labels), token, backbone, finished });
  }

  /**
   * Labels and speakers of the models that have them; the second guidance row knows none.
   * @param {number[]} labels
   */
  conditioning(labels) {
    const indices = /** @type {Record<string, [BigInt64Array, number[]]>} */ ({});
    for (const [what, names, rows] of /** @type {[string, string[], number[]][]} */ ([
      ["label", this.manifest.labels, labels], ["speaker", this.manifest.speakers, this.settings.speakers],
    ])) {
      if (!names.length) continue;
      const both = [...rows, ...(this.guides === 2 ? rows.map(() => names.length) : [])];
      indices[what] = [integers(both), [both.length]];
    }
    return indices;
  }

  /**
   * The states of a graph before the first token; a growing cache starts empty.
   * @param {string} graph
   * @param {number} rows
   */
  initial(graph, rows) {
    const states = this.manifest.states.filter((state) => state.graph === graph);
    return Object.fromEntries(states.map(({ past, dtype, shape, initial }) => {
      const dims = shape.map((size) => (size === "rows" ? rows : typeof size === "string" ? 0 : size));
      return [past, filled(this.bundle.ort, dtype, dims, initial)];
    }));
  }

  /**
   * Make the next token (batch, channels) and move the state on.
   * @param {GenerationState} state
   * @returns {Promise<Float32Array>}
   */
  async next(state) {
    const { batch, channels, guides, settings } = this;
    const token = tiled(state.token, guides);
    const outputs = await this.bundle.run("step", {
      token: [token, [guides * batch, channels]], ...state.conditioning, ...this.told([guides * batch], state.controls),
      ...state.backbone,
    });
    const { steps, constants, noisy, scale } = await this.denoisers.at(state.position);
    const drawn = normal(settings.seed, batch, state.position, noisy ? steps + 1 : 1, channels);
    const size = batch * channels;
    const width = this.manifest.tokens.condition;
    const head = await this.bundle.run("head", {
      condition: [outputs.condition.data, [guides, batch, width]],
      initial: [drawn.slice(0, size).map((value) => value * scale), [batch, channels]],
      noise: [noisy ? drawn.slice(size) : new Float32Array(steps * size), [steps, batch, channels]],
      ...constants,
    });
    state.token = head.token.data;
    state.backbone = this.carried(outputs, "backbone");
    if (outputs.end) state.finished = Array.from(outputs.end.data.slice(0, batch), (value) => value > 0);
    state.position += 1;
    if (state.controls) state.controls = state.controls.subarray(batch * this.nulls.length);
    return state.token;
  }

  /**
   * The controls of the next tokens of the models that have some, by the dimensions before K: those that were given for one
   * of each row, and the null ones, which are all that the second guidance row knows.
   * @param {number[]} dims
   * @param {BigInt64Array | null} given
   * @returns {Record<string, [BigInt64Array, number[]]>}
   */
  told(dims, given) {
    const { nulls, batch } = this;
    if (!nulls.length) return {};
    const all = repeated(nulls, dims.reduce((a, b) => a * b, 1));
    if (given) all.set(given.subarray(0, batch * nulls.length));
    return { controls: [all, [...dims, nulls.length]] };
  }

  /**
   * Take tokens of sound as given, through the parallel graph in pieces of fixed memory.
   * @param {GenerationState} state
   * @param {Float32Array} tokens (length, channels), the same for every row
   */
  async prefill(state, tokens) {
    const { batch, channels, guides } = this;
    const length = tokens.length / channels;
    const rows = guides * batch;
    for (let a = 0; a < length; a += PREFILL) {
      const size = Math.min(PREFILL, length - a);
      const piece = new Float32Array(rows * size * channels);
      for (let row = 0; row < rows; row += 1) {
        const start = row * size * channels;
        const own = state.token.subarray((row % batch) * channels, (row % batch + 1) * channels);
        piece.set(a ? tokens.subarray((a - 1) * channels, a * channels) : own, start);
        piece.set(tokens.subarray(a * channels, (a + size - 1) * channels), start + channels);
      }
      const outputs = await this.bundle.run("parallel", {
        tokens: [piece, [rows, size, channels]], ...state.conditioning, ...this.told([rows, size], null), ...state.backbone,
      });
      state.backbone = this.carried(outputs, "backbone");
    }
    state.token = tiled(tokens.slice(-channels), batch);
    state.position += length;
  }

  /**
   * Tokens, each (batch, channels), to samples (batch, length * hop) or pixels (batch, height, width, channels).
   * @param {GenerationState} state
   * @param {Float32Array[]} tokens
   * @returns {Promise<Float32Array>}
   */
  async decode(state, tokens) {
    const { batch, channels } = this;
    const all = new Float32Array(batch * tokens.length * channels);
    tokens.forEach((token, i) => {
      for (let row = 0; row < batch; row += 1) {
        all.set(token.subarray(row * channels, (row + 1) * channels), (row * tokens.length + i) * channels);
      }
    });
    const outputs = await this.bundle.run("decode", { tokens: [all, [batch, tokens.length, channels]], ...state.decoder });
    state.decoder = this.carried(outputs, "decode");
    return outputs[this.manifest.audio ? "samples" : "pixels"].data;
  }

  /**
   * The states that a graph has put out, under the names by which the next run takes them.
   * @param {Record<string, import("./bundle.js").Tensor>} outputs
   * @param {string} graph
   */
  carried(outputs, graph) {
    const states = this.manifest.states.filter((state) => state.graph === graph);
    return Object.fromEntries(states.map(({ past, present }) => [past, outputs[present]]));
  }
}

/** @param {Float32Array} values @param {number} times */
function tiled(values, times) {
  const all = new Float32Array(values.length * times);
  for (let i = 0; i < times; i += 1) all.set(values, i * values.length);
  return all;
}

/**
 * @param {import("./bundle.js").Ort} ort
 * @param {string} dtype
 * @param {number[]} dims
 * @param {number} value
 * @returns {import("./bundle.js").Tensor}
 */
export function filled(ort, dtype, dims, value) {
  const size = dims.reduce((a, b) => a * b, 1);
  const data = arrayOf(dtype, size);
  if (value) data.fill(/** @type {never} */ (data instanceof BigInt64Array ? BigInt(value) : value));
  return new ort.Tensor(dtype, data, dims);
}

/** @param {string} dtype @param {number} size */
export function arrayOf(dtype, size) {
  if (dtype === "int64") return new BigInt64Array(size);
  if (dtype === "bool") return new Uint8Array(size);
  return dtype === "float64" ? new Float64Array(size) : new Float32Array(size);
}
