/** A model that lives in a worker, with the same calls as one that does not. */
import { Calls } from "./calls.js";
import { Images } from "./image.js";

/**
 * @typedef {object} RemoteOptions
 * @property {string | URL} ort the address of onnxruntime-web as a module, as ".../ort.wasm.min.mjs"
 * @property {string | URL} [wasmPaths] the address of the folder of its .wasm files, unless they lie beside it
 * @property {number} [threads]
 * @property {string[] | "auto" | "wasm" | "webgpu"} [executionProviders] "webgpu" and "auto" take `ort` ".../ort.webgpu.min.mjs"
 * @property {boolean} [cache]
 * @property {(loaded: number, total: number) => void} [onProgress]
 */

/** @typedef {import("./families.js").CausalManifest | import("./families.js").AnyOrderManifest} Manifest */

/** @type {WeakMap<Worker, Calls>} */
const workers = new WeakMap();

/**
 * Load a bundle in a worker.
 *
 *     const worker = new Worker(new URL("adr-runtime/worker", import.meta.url), { type: "module" });
 *     const model = await loadInWorker(worker, "https://example.org/speech-digits", { ort: "/ort/ort.wasm.min.mjs" });
 *
 * @param {Worker} worker one may hold several models
 * @param {string | URL} source
 * @param {RemoteOptions} options
 * @returns {Promise<RemoteModel>}
 */
export async function loadInWorker(worker, source, { onProgress, ...options }) {
  const calls = workers.get(worker) ?? new Calls(worker);
  workers.set(worker, calls);
  const id = calls.newId();
  if (onProgress) calls.progress.set(id, onProgress);
  const absolute = (/** @type {string | URL | undefined} */ address) => address && new URL(address, globalThis.location?.href).href;
  const about = await calls.make("load", id, absolute(source), {
    ...options, ort: absolute(options.ort), wasmPaths: absolute(options.wasmPaths),
  });
  calls.progress.delete(id);
  return new RemoteModel(calls, id, about);
}

/** A model of any class at the other end. */
export class RemoteModel {
  /**
   * @param {Calls} calls
   * @param {number} id
   * @param {{kind: "audio" | "image" | "text", manifest: Manifest, hash: string}} about
   */
  constructor(calls, id, { kind, manifest, hash }) {
    this.calls = calls;
    this.id = id;
    this.kind = kind;
    this.manifest = manifest;
    this.hash = hash;
  }

  get labels() {
    return this.manifest.labels;
  }

  get speakers() {
    return this.manifest.family === "adr" ? this.manifest.speakers : [];
  }

  /** Hz, of a model of sound. */
  get samplingRate() {
    const { manifest } = this;
    return manifest.family === "adr" ? manifest.audio?.sample_rate : manifest.variables.sample_rate || undefined;
  }

  /** Whether it speaks text. */
  get speaks() {
    return this.manifest.family === "adr" && this.manifest.spoken_text !== null;
  }

  /** @param {{text?: import("./spoken_text/front_end.js").Text}} [options] @returns {Promise<any>} */
  async generate(options = {}) {
    const { text } = options;
    return shaped(await this.calls.make("generate", this.id, text === undefined ? options : { ...options, text: await whole(text) }));
  }

  /** @returns {Promise<import("./self_test.js").Check[]>} */
  selfTest() {
    return this.calls.make("selfTest", this.id);
  }

  /** Of an any-order model. @param {object} options @returns {Promise<any>} */
  async fill(options) {
    return shaped(await this.calls.make("fill", this.id, options));
  }

  /**
   * @param {import("./spoken_text/front_end.js").Text} text of which pieces go to the worker one by one, as it comes to them
   * @param {object} [options]
   */
  speak(text, options = {}) {
    return new RemoteSpeech(this, text, options);
  }

  /** @param {object} [options] */
  stream(options = {}) {
    return new RemoteStream(this, "stream", options);
  }

  /** @param {Uint8Array} state */
  async resume(state) {
    const stream = new RemoteStream(this, "resume", state);
    await stream.ready;
    return stream;
  }

  release() {
    return this.calls.make("release", this.id);
  }
}

/**
 * A stream at the other end, of which one chunk is made when it is asked for; `release` one that is left early, or that could be
 * extended.
 */
class RemoteStream {
  /** @param {RemoteModel} model @param {"stream" | "resume" | "speak"} how @param {unknown[]} values */
  constructor({ calls, id, manifest }, how, ...values) {
    this.id = calls.newId();
    this.calls = calls;
    this.ready = calls.make(how, id, this.id, ...values);
    this.ready.catch(() => {});
    this.over = false;
    this.told = manifest.family === "adr" && manifest.controls.length > 0;
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /** @returns {Promise<IteratorResult<any, undefined>>} */
  async next() {
    await this.ready;
    if (this.over) return { done: true, value: undefined };
    const { done, value } = await this.calls.make("next", this.id);
    if (!done) return { done: false, value: shaped(value) };
    if (!this.told) await this.release();
    return { done: true, value: undefined };
  }

  /** @returns {Promise<IteratorResult<any, undefined>>} */
  async return() {
    return { done: true, value: undefined };
  }

  /** @returns {Promise<Uint8Array>} */
  state() {
    return this.calls.make("state", this.id);
  }

  /** @param {import("./controls.js").Controls} controls */
  async extend(controls) {
    await this.ready;
    await this.calls.make("extend", this.id, controls);
    return this;
  }

  /** Forget it at the other end. */
  release() {
    this.over = true;
    return this.calls.make("release", this.id);
  }
}

/** A speech at the other end, which asks for the pieces of its text when it comes to them; one that is left early is forgotten. */
class RemoteSpeech extends RemoteStream {
  /** @param {RemoteModel} model @param {import("./spoken_text/front_end.js").Text} text @param {object} options */
  constructor(model, text, options) {
    const given = /** @type {any} */ (text);
    const pieces = typeof text === "string" ? null : given?.[Symbol.asyncIterator]?.() ?? given?.[Symbol.iterator]?.();
    super(model, "speak", pieces ? null : text, options);
    this.told = false;
    this.pieces = pieces;
    /** @type {Error | null} */
    this.failure = null;
    if (!pieces) return;
    this.calls.texts.set(this.id, async () => {
      try {
        const { done, value } = await pieces.next();
        await this.calls.make("piece", this.id, done ? { done } : { value: await value });
      } catch (error) {
        this.failure = /** @type {Error} */ (error);
        this.calls.make("piece", this.id, { failed: true }).catch(() => {});
      }
    });
  }

  /** @returns {Promise<IteratorResult<import("./speech.js").Spoken, undefined>>} */
  async next() {
    try {
      return await super.next();
    } catch (error) {
      if (this.over) return { done: true, value: undefined };
      this.release().catch(() => {});
      throw this.failure ?? error;
    }
  }

  async return() {
    await this.release();
    return super.return();
  }

  async release() {
    if (this.over) return;
    this.calls.texts.delete(this.id);
    const released = super.release();
    // A text is closed behind the piece that it is being asked for, which may never come: nobody waits for that.
    Promise.resolve().then(() => this.pieces?.return?.()).catch(() => {});
    await released;
  }
}

/** A text in one piece. @param {import("./spoken_text/front_end.js").Text} text */
async function whole(text) {
  const given = /** @type {any} */ (text);
  if (typeof text === "string" || !(given?.[Symbol.asyncIterator] || given?.[Symbol.iterator])) return text;
  const pieces = [];
  for await (const piece of text) pieces.push(piece);
  return pieces;
}

/** Pictures lose their methods on the way. @param {any} value */
const shaped = (value) => (value?.pixels ? new Images(value.pixels, value, value.seed) : value);
