/** A text that is spoken: a stream that is told sentence after sentence what to say. */
import { repeated } from "./controls.js";

/** @typedef {import("./spoken_text/timing.js").Word} Word */
/**
 * @typedef {object} Spoken
 * @property {Float32Array} audio samples, about [-1, 1]
 * @property {number} sampling_rate Hz
 * @property {Word[]} words of the sentence that begins with this chunk, in seconds from the beginning of all; in other chunks none
 */

/**
 * Chunks of a text, in constant memory however long it is. The next sentence is asked for when all of the last one has been
 * given, but what the decoder's delay keeps back.
 */
export class Speech {
  /** @param {import("./stream.js").Stream} stream @param {AsyncIterator<import("./spoken_text/timing.js").TimedSentence>} sentences */
  constructor(stream, sentences) {
    this.stream = stream;
    this.sentences = sentences;
    this.words = /** @type {Word[]} */ ([]);
    this.tokens = 0;
    this.over = false;
    this.last = new BigInt64Array(stream.generator.nulls.length);
    // Nothing is known yet; a stream without controls would go on for ever.
    stream.progress.controls = new BigInt64Array(0);
    /** @type {Promise<unknown>} */
    this.busy = Promise.resolve();
  }

  /** The seed that makes the same again. */
  get seed() {
    return this.stream.seed;
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /**
   * Calls that do not wait for one another are served in turn.
   * @returns {Promise<IteratorResult<Spoken, undefined>>}
   */
  next() {
    const result = this.busy.then(() => this.chunk());
    this.busy = result.catch(() => {});
    return result;
  }

  /**
   * What `for await` calls when it is left early; the text is not read any further, and is closed behind a piece that it is
   * being asked for.
   * @returns {Promise<IteratorResult<Spoken, undefined>>}
   */
  async return() {
    this.over = true;
    this.stream.progress.controls = new BigInt64Array(0);
    await this.sentences.return?.();
    return { done: true, value: undefined };
  }

  /** @returns {Promise<IteratorResult<Spoken, undefined>>} */
  async chunk() {
    for (;;) {
      const { done, value } = await this.stream.next();
      if (!done) {
        const words = this.words;
        this.words = [];
        return { done: false, value: { audio: value.audio, sampling_rate: value.sampling_rate, words } };
      }
      if (this.over) return { done: true, value: undefined };
      await this.goOn();
    }
  }

  /** Begin the next sentence; behind the last one, have out what the decoder's delay keeps back. */
  async goOn() {
    const { stream, last } = this;
    const { hop, delay, sample_rate: rate } = stream.audio;
    const { done, value } = await this.sentences.next();
    // Somebody may have left meanwhile.
    if (this.over) return;
    if (done) {
      this.over = true;
      stream.limit = this.tokens * hop;
      stream.progress.controls = repeated(last, Math.ceil(delay / hop));
      return;
    }
    const start = (this.tokens * hop) / rate;
    this.words.push(...value.words.map((word) => ({ ...word, start: start + word.start, end: start + word.end })));
    this.last = value.controls.slice(-last.length);
    this.tokens += value.controls.length / last.length;
    stream.progress.controls = value.controls;
  }
}
