/** A stream of audio: all the state of one generation, which can be saved and restored elsewhere. */
import { checkedControls } from "./controls.js";
import { packState } from "./state.js";

/**
 * @typedef {object} Chunk
 * @property {Float32Array} audio samples of the first row, about [-1, 1]
 * @property {Float32Array[]} clips those of every row
 * @property {number} sampling_rate Hz
 */

/** Chunks, one after the other, in constant memory however long it runs. */
export class Stream {
  /**
   * @param {import("./generator.js").TokenGenerator} generator
   * @param {import("./generator.js").GenerationState} progress
   * @param {number | null} limit samples in all
   * @param {number} chunkTokens
   * @param {import("./playlist.js").Playlist | null} playlist
   * @param {number} emitted
   * @param {number} skip samples of the decoder's delay that are still to be dropped
   */
  constructor(generator, progress, limit, chunkTokens, playlist, emitted, skip) {
    this.generator = generator;
    this.progress = progress;
    this.limit = limit;
    this.chunkTokens = chunkTokens;
    this.playlist = playlist;
    this.emitted = emitted;
    this.skip = skip;
    /** @type {Promise<unknown>} */
    this.busy = Promise.resolve();
  }

  get audio() {
    return /** @type {{hop: number, sample_rate: number, delay: number}} */ (this.generator.manifest.audio);
  }

  /** The seed that makes the same again. */
  get seed() {
    return plainSeed(this.generator.settings.seed);
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /**
   * Calls that do not wait for one another are served in turn.
   * @returns {Promise<IteratorResult<Chunk, undefined>>}
   */
  next() {
    return this.inTurn(() => this.chunk());
  }

  /**
   * What `for await` calls when it is left early; the stream can still go on.
   * @returns {Promise<IteratorResult<Chunk, undefined>>}
   */
  async return() {
    return { done: true, value: undefined };
  }

  /** Of how many tokens to come the controls are known; null where nobody gave any. */
  get known() {
    const { generator, progress: { controls } } = this;
    return controls && controls.length / (generator.batch * generator.nulls.length);
  }

  /** Whether nothing comes any more, unless `extend` says what. */
  get over() {
    const ended = this.limit !== null && this.emitted >= this.limit;
    return ended || this.known === 0 || Boolean(this.playlist?.done);
  }

  /** @returns {Promise<IteratorResult<Chunk, undefined>>} */
  async chunk() {
    const { generator, audio } = this;
    while (!this.over) {
      const samples = await generator.decode(this.progress, await this.tokens());
      const each = samples.length / generator.batch;
      const end = this.limit === null ? each : Math.min(each, this.skip + this.limit - this.emitted);
      const from = Math.min(this.skip, each);
      this.skip -= from;
      if (end <= from) continue;
      this.emitted += end - from;
      const clips = Array.from({ length: generator.batch }, (_, row) => samples.slice(row * each + from, row * each + end));
      return { done: false, value: { audio: clips[0], clips, sampling_rate: audio.sample_rate } };
    }
    return { done: true, value: undefined };
  }

  /** The tokens of the next chunk, no more than are needed. */
  async tokens() {
    let count = this.chunkTokens;
    if (this.limit !== null) count = Math.min(count, Math.ceil((this.limit - this.emitted + this.skip) / this.audio.hop));
    if (this.known !== null) count = Math.min(count, this.known);
    const tokens = [];
    while (tokens.length < count && !this.playlist?.done) {
      tokens.push(await this.generator.next(this.progress));
      if (this.playlist?.advance(this.progress.finished.every(Boolean))) {
        this.generator.restart(this.progress, Array(this.generator.batch).fill(this.playlist.label));
      }
    }
    return tokens;
  }

  /**
   * Everything needed to go on, here, in another process, or in Python, once the chunks that were asked for are made.
   * @returns {Promise<Uint8Array>}
   */
  state() {
    return this.inTurn(() => packState(this));
  }

  /**
   * Say what the tokens are told that come behind those whose controls are known; the stream ends with the last of them, and
   * one that has ended goes on.
   * @param {import("./controls.js").Controls} controls
   * @returns {Promise<this>}
   */
  async extend(controls) {
    const { generator, progress } = this;
    const more = checkedControls(generator.manifest, controls, generator.batch);
    return this.inTurn(() => {
      const known = progress.controls ?? new BigInt64Array(0);
      progress.controls = new BigInt64Array(known.length + more.length);
      progress.controls.set(known);
      progress.controls.set(more, known.length);
      return this;
    });
  }

  /**
   * Behind the calls that came before.
   * @template T
   * @param {() => T | Promise<T>} call
   * @returns {Promise<T>}
   */
  inTurn(call) {
    const result = this.busy.then(call);
    this.busy = result.catch(() => {});
    return result;
  }
}

/**
 * A seed as a number where a double holds it.
 * @param {bigint} seed
 */
export const plainSeed = (seed) => (seed <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seed) : seed);
