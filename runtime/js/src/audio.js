/** Audio, token by token: clips, endless streams, and what comes after a recording. */
import { generateClips } from "./clips.js";
import { checkBytes, checkedSeed, indexOf, labelRows, resolve } from "./config.js";
import { InputError } from "./errors.js";
import { TokenGenerator } from "./generator.js";
import { ends } from "./manifest.js";
import { Lazy, LazyStream } from "./lazy.js";
import { drawn } from "./pcg64.js";
import { LONGEST, MAX_PAUSE, MAX_WORDS, Playlist } from "./playlist.js";
import { takeIn } from "./prompt.js";
import { roundEven } from "./samplers.js";
import { MAX_CHUNK, unpackState } from "./state.js";
import { selfTest } from "./self_test.js";
import { Speech } from "./speech.js";
import { checkDials } from "./spoken_text/durations.js";
import { checkText } from "./spoken_text/front_end.js";
import { timedSentences } from "./spoken_text/timing.js";
import { plainSeed, Stream } from "./stream.js";

/** Tokens of a chunk where nobody waits for the first one. */
const WHOLE_CHUNK = 64;

/**
 * @typedef {object} Audio
 * @property {Float32Array} audio samples of the first clip, about [-1, 1]
 * @property {Float32Array[]} clips all of them
 * @property {number} sampling_rate Hz
 * @property {number | bigint} seed makes the same again
 * @property {import("./speech.js").Word[]} [words] of a text: when each is heard
 */
/**
 * @typedef {object} TextChoices
 * @property {number} [speed] 2 is twice as fast; 1 unless given
 * @property {number} [pause] seconds between sentences; the model's own unless given
 */
/** @typedef {TextChoices & {chunkTokens?: number} & import("./config.js").GenerationOptions} SpeakOptions */
/**
 * @typedef {object} AudioChoices
 * @property {import("./config.js").Label | import("./config.js").Label[]} [label] one for all, or one for each clip
 * @property {number} [count]
 * @property {number} [seconds] how long
 * @property {Float32Array} [prompt] samples at the model's rate, with which the clips begin
 * @property {import("./controls.js").Controls} [controls] of models that have them (`model.manifest.controls`): classes by the
 * name of each control, one for each token, the same for every clip or a list for each; the clips have as many tokens, less
 * the decoder's delay
 * @property {import("./spoken_text/front_end.js").Text} [text] what a model that speaks text is to say, in one clip
 */
/** @typedef {AudioChoices & TextChoices & import("./config.js").GenerationOptions} AudioOptions */
/**
 * @typedef {object} StreamChoices
 * @property {number} [chunkTokens] tokens of each chunk; 1 unless given
 * @property {import("./config.js").Label[]} [playlist] labels to say one after the other, each until it is over
 * @property {boolean} [cycle] whether the playlist begins again after its end
 * @property {number} [pause] seconds behind each word of a playlist; 0.15 unless given
 */

/** Generates audio. What changes while it does lives in a `Stream`. */
export class AudioModel {
  /**
   * @param {import("./bundle.js").Bundle} bundle
   * @param {import("./spoken_text/front_end.js").SpokenText | null} [frontEnd]
   */
  constructor(bundle, frontEnd = null) {
    this.bundle = bundle;
    this.frontEnd = frontEnd;
    this.manifest = bundle.manifest;
    this.kind = /** @type {const} */ ("audio");
  }

  get spec() {
    return /** @type {{hop: number, sample_rate: number, delay: number}} */ (this.manifest.audio);
  }

  get labels() {
    return this.manifest.labels;
  }

  get speakers() {
    return this.manifest.speakers;
  }

  /** Hz. */
  get samplingRate() {
    return this.spec.sample_rate;
  }

  /** Whether it speaks text. */
  get speaks() {
    return this.frontEnd !== null;
  }

  /**
   * Generate clips, each as long as the model says unless `seconds` or a prompt is given.
   * @param {AudioOptions} [options]
   * @returns {Promise<Audio>}
   */
  async generate(options = {}) {
    const { label, count, seconds, prompt, controls, text, speed, pause, ...choices } = options;
    if (text !== undefined) {
      if ([label, count, seconds, prompt, controls].some((other) => other !== undefined)) {
        throw new InputError("a text takes the place of label, count, seconds, prompt and controls; leave them out");
      }
      return this.spoken(text, { speed, pause, chunkTokens: WHOLE_CHUNK, ...choices });
    }
    if (speed !== undefined || pause !== undefined) throw new InputError("speed and pause go with a text; leave them out");
    const settings = resolve(this.manifest, choices, labelRows(label, count));
    const about = { sampling_rate: this.samplingRate, seed: plainSeed(settings.seed) };
    if (seconds === undefined && prompt === undefined && controls === undefined && ends(this.manifest)) {
      const clips = await generateClips(await TokenGenerator.create(this.bundle, settings));
      return { audio: clips[0], clips, ...about };
    }
    const length = seconds ?? (controls === undefined ? this.manifest.defaults.seconds : null);
    const stream = await this.start(settings, length, WHOLE_CHUNK, null);
    if (controls !== undefined) await stream.extend(controls);
    const before = prompt ? await takeIn(stream, prompt) : new Float32Array(0);
    const parts = settings.labels.map(() => [before]);
    for await (const { clips } of stream) clips.forEach((clip, row) => parts[row].push(clip));
    const clips = parts.map(joined);
    return { audio: clips[0], clips, ...about };
  }

  /**
   * A text as one clip.
   * @param {import("./spoken_text/front_end.js").Text} text
   * @param {SpeakOptions} options
   * @returns {Promise<Audio>}
   */
  async spoken(text, options) {
    const speech = await this.begun(text, options);
    const parts = [];
    const words = [];
    for await (const chunk of speech) {
      parts.push(chunk.audio);
      words.push(...chunk.words);
      const { emitted } = speech.stream;
      checkBytes(12 * emitted, `1 sound(s) of ${emitted} samples`);
    }
    const audio = joined(parts);
    return { audio, clips: [audio], words, sampling_rate: this.samplingRate, seed: speech.seed };
  }

  /**
   * Speak a text sentence after sentence, in constant memory however long it is. What a whole text has that cannot be said is
   * told at once, and of pieces when they come to it. Without a speaker the seed chooses one.
   * @param {import("./spoken_text/front_end.js").Text} text English, whole or in pieces as they arrive
   * @param {SpeakOptions} [options]
   * @returns {AsyncIterableIterator<import("./speech.js").Spoken> & {ready: Promise<Speech>, readonly seed: number | bigint}}
   */
  speak(text, options = {}) {
    return new Lazy(this.begun(text, options));
  }

  /**
   * @param {import("./spoken_text/front_end.js").Text} text
   * @param {SpeakOptions} options
   */
  async begun(text, { speed = 1, pause, chunkTokens = 1, ...choices }) {
    const { frontEnd, speakers, manifest } = this;
    if (!frontEnd) throw new InputError(`${manifest.name} speaks no text; one that does was exported with adr-export --text`);
    checkDials(speed, pause);
    const seed = checkedSeed(choices.seed);
    const speaker = choices.speaker ?? (speakers.length ? drawn(seed, speakers.length) : null);
    const settings = resolve(manifest, { ...choices, seed, speaker }, [null]);
    if (typeof text === "string") checkText(text);
    const dials = { token: this.spec.hop / this.samplingRate, speed, pause, speaker: speakers[settings.speakers[0]] ?? null };
    return new Speech(await this.start(settings, null, chunkTokens, null), timedSentences(frontEnd, text, dials));
  }

  /**
   * Generate chunk by chunk, in constant memory; endless unless `seconds`, `playlist` or `controls` is given. `extend` gives more
   * controls, also when the stream has come to the end of those it had.
   * @param {AudioOptions & StreamChoices} [options]
   * @returns {AsyncIterableIterator<import("./stream.js").Chunk> & {ready: Promise<Stream>, state(): Promise<Uint8Array>, extend(controls: import("./controls.js").Controls): Promise<unknown>, readonly seed: number | bigint}}
   */
  stream(options = {}) {
    return new LazyStream(this.opened(options));
  }

  /**
   * @param {AudioOptions & StreamChoices} options
   * @returns {Promise<Stream>}
   */
  async opened(options) {
    const { label, count, seconds, prompt, controls, chunkTokens = 1, playlist = [], cycle = false, pause = 0.15, ...choices } = options;
    const words = playlist.length ? this.playlist(playlist, cycle, pause) : null;
    if (words && (label !== undefined || count !== undefined)) {
      throw new InputError("a playlist takes the place of label and count; leave them out");
    }
    const settings = resolve(this.manifest, choices, labelRows(words ? words.label : label, count));
    const stream = await this.start(settings, seconds ?? null, chunkTokens, words);
    if (controls !== undefined) await stream.extend(controls);
    if (prompt) await takeIn(stream, prompt);
    return stream;
  }

  /**
   * @param {import("./config.js").Settings} settings
   * @param {number | null} seconds
   * @param {number} chunkTokens
   * @param {Playlist | null} playlist
   */
  async start(settings, seconds, chunkTokens, playlist) {
    if (seconds !== null && !(seconds > 0 && seconds < 1e9)) {
      throw new InputError(`seconds must be more than 0 and finite, not ${seconds}`);
    }
    if (!(Number.isInteger(chunkTokens) && chunkTokens >= 1 && chunkTokens <= MAX_CHUNK)) {
      throw new InputError(`chunkTokens must be from 1 to ${MAX_CHUNK}, not ${chunkTokens}`);
    }
    const limit = seconds === null ? null : Math.max(roundEven(seconds * this.samplingRate), 1);
    const generator = await TokenGenerator.create(this.bundle, settings);
    return new Stream(generator, generator.start(), limit, chunkTokens, playlist, 0, this.spec.delay);
  }

  /**
   * @param {import("./config.js").Label[]} labels
   * @param {boolean} cycle
   * @param {number} pause
   */
  playlist(labels, cycle, pause) {
    const { name } = this.manifest;
    if (!ends(this.manifest)) {
      throw new InputError(`${name} does not say where a word is over, so it cannot speak one after the other`);
    }
    if (!(pause >= 0 && pause <= MAX_PAUSE)) throw new InputError(`pause must be from 0 to ${MAX_PAUSE} seconds, not ${pause}`);
    if (labels.length > MAX_WORDS) throw new InputError(`a playlist has up to ${MAX_WORDS} words, not ${labels.length}`);
    const rate = this.samplingRate / this.spec.hop;
    const indices = labels.map((label) => indexOf(label, "label", this.labels, name));
    return new Playlist(indices, roundEven(pause * rate), Math.max(roundEven(LONGEST * rate), 1), cycle);
  }

  /**
   * The stream that `state()` saved, here, in another process, or in Python.
   * @param {Uint8Array} state
   * @returns {Promise<Stream>}
   */
  async resume(state) {
    if (!(state instanceof Uint8Array)) throw new InputError("a state is a Uint8Array");
    const { header, generator, progress, playlist } = await unpackState(state, this.bundle);
    return new Stream(generator, progress, header.limit, header.chunk_tokens, playlist, header.emitted, header.skip);
  }

  /** Make again what the bundle's test vectors have, and compare: a list of `{what, difference, tolerance, passed}`. */
  selfTest() {
    return selfTest(this);
  }

  /** Frees the memory of the graphs. */
  release() {
    return this.bundle.release();
  }
}

/** @param {Float32Array[]} parts */
function joined(parts) {
  const whole = new Float32Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
