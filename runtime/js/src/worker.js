/**
 * The other side of `loadInWorker`: a model in a worker, so that a page stays responsive while WebAssembly computes. Start it
 * as a module: `new Worker(new URL("adr-runtime/worker", import.meta.url), { type: "module" })`.
 */
import { InputError, load } from "./index.js";

/** @type {Map<number, any>} */
const kept = new Map();

/**
 * A model that can do what is asked of it.
 * @param {number} id
 * @param {string} call
 */
function able(id, call) {
  const model = kept.get(id);
  if (typeof model[call] !== "function") throw new InputError(`${model.manifest.name} has no ${call}()`);
  return model;
}

/** What is told of the next piece of a text. @typedef {{done?: boolean, failed?: boolean, value?: unknown}} Piece */
/** What to do with that piece, by the speech that waits for it. @type {Map<number, (piece: Piece) => void>} */
const wanted = new Map();

/**
 * The pieces of a text that the page has, each asked for when it is needed, until the speech is released.
 * @param {number} speech
 */
async function* pieces(speech) {
  while (kept.has(speech)) {
    const { done, failed, value } = await new Promise((/** @type {(piece: Piece) => void} */ resolve) => {
      wanted.set(speech, resolve);
      postMessage({ id: speech, wanted: true });
    });
    wanted.delete(speech);
    if (failed) throw new InputError("the text cannot be read");
    if (done) return;
    yield value;
  }
}

/**
 * What a page may ask for, by name: (id of a model or stream, arguments) -> a value that can be posted.
 * @type {Record<string, (id: number, ...values: any[]) => Promise<unknown>>}
 */
const CALLS = {
  async load(id, source, { ort, wasmPaths, ...options }) {
    const module = await import(ort);
    if (wasmPaths) module.env.wasm.wasmPaths = wasmPaths;
    module.env.wasm.numThreads = options.threads ?? 1;
    const onProgress = (/** @type {number} */ loaded, /** @type {number} */ total) => postMessage({ id, progress: [loaded, total] });
    const model = await load(source, { ...options, ort: module, onProgress });
    kept.set(id, model);
    return { kind: model.kind, manifest: model.manifest, hash: model.bundle.hash };
  },
  generate: async (id, options) => kept.get(id).generate(options),
  selfTest: async (id) => kept.get(id).selfTest(),
  fill: async (id, options) => able(id, "fill").fill(options),
  async speak(id, speech, text, options) {
    kept.set(speech, able(id, "speak").speak(text ?? pieces(speech), options));
  },
  async piece(speech, piece) {
    wanted.get(speech)?.(piece);
  },
  async stream(id, stream, options) {
    kept.set(stream, able(id, "stream").stream(options));
  },
  async resume(id, stream, state) {
    kept.set(stream, await able(id, "resume").resume(state));
  },
  next: async (stream) => kept.get(stream).next(),
  state: async (stream) => kept.get(stream).state(),
  async extend(stream, controls) {
    await kept.get(stream).extend(controls);
  },
  async release(id) {
    const one = kept.get(id);
    kept.delete(id);
    // A speech is left before what waits for a piece of its text is told that there is none.
    const left = one?.release?.() ?? one?.return?.().catch(() => {});
    wanted.get(id)?.({ done: true });
    await left;
  },
};

addEventListener("message", async ({ data: { call, name, id, values } }) => {
  try {
    postMessage({ call, result: await CALLS[name](id, ...values) });
  } catch (error) {
    const { name: kind, message } = /** @type {Error} */ (error);
    postMessage({ call, error: { kind, message } });
  }
});
