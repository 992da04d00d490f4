/** Opening a bundle: everything is verified before ONNX Runtime sees it. */
import { BundleError, InputError } from "./errors.js";
import { needed, parseManifest, parseNested } from "./families.js";
import { FOLDER } from "./spoken_text/manifest.js";

const CACHE = "adr-runtime";

/**
 * Reads a file of a bundle, and verifies one of which it is told the size and the hash, as those of graphs.
 * @typedef {(file: string, spec?: {bytes: number, sha256: string}) => Promise<Uint8Array<ArrayBuffer>>} ReadFile
 */

/**
 * @typedef {object} Ort what this package uses of onnxruntime-node or onnxruntime-web
 * @property {{create(data: Uint8Array, options?: object): Promise<Session>}} InferenceSession
 * @property {new (type: any, data: any, dims: readonly number[]) => Tensor} Tensor
 */
/** @typedef {{type: string, data: any, dims: readonly number[]}} Tensor */
/** @typedef {{run(feed: Record<string, any>): Promise<Record<string, Tensor>>, release?(): Promise<void>}} Session */

/**
 * @typedef {object} LoadOptions
 * @property {Ort} ort the module onnxruntime-node or onnxruntime-web
 * @property {string[] | "auto" | "wasm" | "webgpu"} [executionProviders] those of ONNX Runtime, ["cpu"] or ["wasm"] unless
 * given; one by name, or "auto", which measures
 * @property {number} [threads] within an operator; 1 unless given, for small models lose by more
 * @property {(loaded: number, total: number) => void} [onProgress] bytes so far, and of all graphs that are needed
 * @property {boolean} [cache] whether a page keeps graphs in the browser's Cache API; true unless given
 * @property {typeof globalThis.fetch} [fetch]
 */

/**
 * A verified bundle, whose graphs become sessions when they are first needed.
 * @template {import("./families.js").CausalManifest | import("./families.js").AnyOrderManifest | import("./families.js").SpokenTextManifest} [M=import("./families.js").CausalManifest]
 */
export class Bundle {
  /**
   * @param {M} manifest
   * @param {string} hash the SHA-256 of manifest.json, which in turn holds those of the graphs
   * @param {ReadFile} read
   * @param {LoadOptions} options
   */
  constructor(manifest, hash, read, options) {
    this.manifest = manifest;
    this.hash = hash;
    this.read = read;
    this.options = options;
    this.ort = options.ort;
    this.sessions = /** @type {Map<string, Promise<Session>>} */ (new Map());
    /** The bundle inside that turns text into phones, of a voice that speaks text. @type {Bundle<import("./families.js").SpokenTextManifest> | null} */
    this.inside = null;
  }

  /**
   * Runs a graph. Numbers go in as `[data, dims]` and come out as tensors.
   * @param {string} graph
   * @param {Record<string, [Float32Array | BigInt64Array | Uint8Array, readonly number[]] | Tensor>} feed
   */
  async run(graph, feed) {
    const session = await this.session(graph);
    const tensors = Object.entries(feed).map(([name, value]) => [name, Array.isArray(value) ? this.tensor(...value) : value]);
    return session.run(Object.fromEntries(tensors));
  }

  /**
   * @param {Float32Array | BigInt64Array | Uint8Array} data
   * @param {readonly number[]} dims
   * @returns {Tensor}
   */
  tensor(data, dims) {
    return new this.ort.Tensor(data instanceof Float32Array ? "float32" : data instanceof Uint8Array ? "bool" : "int64", data, dims);
  }

  /**
   * @param {string} graph
   * @param {(bytes: number) => void} [loaded]
   */
  session(graph, loaded) {
    let session = this.sessions.get(graph);
    if (!session) {
      session = this.open(graph, loaded);
      this.sessions.set(graph, session);
      session.catch(() => this.sessions.delete(graph));
    }
    return session;
  }

  /**
   * @param {string} graph
   * @param {(bytes: number) => void} [loaded]
   * @returns {Promise<Session>}
   */
  async open(graph, loaded) {
    const spec = this.manifest.graphs[graph];
    const { file, bytes } = spec;
    const data = await this.read(file, spec);
    const { executionProviders, threads = 1 } = this.options;
    try {
      const session = await this.ort.InferenceSession.create(data, {
        ...(executionProviders ? { executionProviders } : {}),
        intraOpNumThreads: threads, interOpNumThreads: 1, logSeverityLevel: 4,
      });
      loaded?.(bytes);
      return session;
    } catch (error) {
      const why = String(/** @type {Error} */ (error)?.message ?? error).split("\n")[0];
      const least = this.manifest.onnxruntime ? `, which needs ONNX Runtime ${this.manifest.onnxruntime} or newer` : "";
      throw new BundleError(`${file}: ONNX Runtime refuses it${least}: ${why}`);
    }
  }

  /** Frees the sessions' memory; the model cannot be used any more. */
  async release() {
    for (const session of this.sessions.values()) await (await session).release?.();
    this.sessions.clear();
    await this.inside?.release();
  }
}

/**
 * Opens a bundle and the graphs that every generation takes; those of prompts are opened when there is one.
 * @param {string | URL | Record<string, Uint8Array>} source a folder (Node.js), the address of one, or its files by name
 * @param {LoadOptions} options
 * @returns {Promise<Bundle<import("./families.js").CausalManifest | import("./families.js").AnyOrderManifest>>}
 */
export async function openBundle(source, options) {
  if (!options?.ort?.InferenceSession) {
    throw new InputError('give ONNX Runtime as `ort`: import * as ort from "onnxruntime-node" or "onnxruntime-web"');
  }
  // onnxruntime-node's libraries for Linux and macOS read this at the first session: without it they keep an identifier of
  // the machine in its home folder, and send it with what is run.
  if (globalThis.process?.versions?.node) process.env.ORT_DISABLE_TELEMETRY ??= "1";
  const read = await reader(source, options);
  const text = await read("manifest.json");
  const manifest = parseManifest(text);
  const bundle = new Bundle(manifest, await hash(text), read, options);
  if (manifest.family === "adr" && manifest.spoken_text) bundle.inside = await openNested(manifest.spoken_text, read, options);
  const graphs = [bundle, bundle.inside].flatMap((one) => (one ? needed(one.manifest).map((graph) => ({ one, graph })) : []));
  const total = graphs.reduce((sum, { one, graph }) => sum + one.manifest.graphs[graph].bytes, 0);
  let loaded = 0;
  options.onProgress?.(0, total);
  for (const { one, graph } of graphs) {
    await one.session(graph, (bytes) => options.onProgress?.((loaded += bytes), total));
  }
  return bundle;
}

/**
 * The bundle inside a voice's, whose graphs are too small for anything but the CPU.
 * @param {{file: string, bytes: number, sha256: string}} spec
 * @param {ReadFile} read
 * @param {LoadOptions} options
 */
async function openNested(spec, read, options) {
  const manifest = parseNested(await read(spec.file, spec));
  return new Bundle(manifest, spec.sha256, (file, of) => read(FOLDER + file, of), { ...options, executionProviders: undefined });
}

/**
 * @param {string | URL | Record<string, Uint8Array>} source
 * @param {LoadOptions} options
 * @returns {Promise<ReadFile>}
 */
async function reader(source, options) {
  if (typeof source === "object" && !(source instanceof URL)) {
    return async (file, spec) => verified(source[file] ?? missing(file), file, spec);
  }
  const address = String(source);
  if (/^https?:/.test(address) || typeof globalThis.process?.versions?.node === "undefined") {
    const base = new URL(address.endsWith("/") ? address : `${address}/`, globalThis.location?.href);
    const path = (/** @type {string} */ file) => file.split("/").map(encodeURIComponent).join("/");
    return async (file, spec) => fetched(new URL(path(file), base), options, spec);
  }
  const [{ readFile }, { join }, { fileURLToPath }] = await Promise.all(
    [import("node:fs/promises"), import("node:path"), import("node:url")],
  );
  const folder = address.startsWith("file:") ? fileURLToPath(address) : address;
  return async (file, spec) => {
    try {
      return await verified(new Uint8Array(await readFile(join(folder, file))), join(folder, file), spec);
    } catch (error) {
      const { code } = /** @type {NodeJS.ErrnoException} */ (error);
      if (!code) throw error;
      throw new BundleError(`${join(folder, file)}: cannot read: ${code}; give the folder of a bundle`);
    }
  };
}

/**
 * @param {URL} url
 * @param {LoadOptions} options
 * @param {{bytes: number, sha256: string}} [spec]
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
async function fetched(url, { fetch = globalThis.fetch, cache = true }, spec) {
  const kept = cache && spec && globalThis.caches ? await caches.open(CACHE) : null;
  const key = new URL(url);
  key.searchParams.set("sha256", spec?.sha256 ?? "");
  const hit = await kept?.match(key);
  if (hit) return verified(new Uint8Array(await hit.arrayBuffer()), String(url), spec);
  let data;
  try {
    data = await verified(await download(url, fetch, "no-cache"), String(url), spec);
  } catch (error) {
    if (!spec) throw error;
    // What lies between may hold an older file than the manifest's.
    data = await verified(await download(url, fetch, "reload"), String(url), spec);
  }
  // Nothing is kept that was not verified.
  await kept?.put(key, new Response(data)).catch(() => {});
  return data;
}

/**
 * @param {URL} url
 * @param {typeof globalThis.fetch} fetch
 * @param {RequestCache} cache
 */
async function download(url, fetch, cache) {
  let response;
  try {
    response = await fetch(url, { cache });
  } catch (error) {
    throw new BundleError(`${url}: cannot be fetched: ${/** @type {Error} */ (error).message}`);
  }
  if (!response.ok) throw new BundleError(`${url}: the server says ${response.status} ${response.statusText}`);
  return new Uint8Array(await response.arrayBuffer());
}

/** @param {string} file @returns {never} */
function missing(file) {
  throw new BundleError(`${file}: missing; give all files of the bundle`);
}

/**
 * The data of a file, if it is what a manifest says; of the manifest itself, as it is.
 * @param {Uint8Array} data
 * @param {string} file
 * @param {{bytes: number, sha256: string}} [spec]
 */
async function verified(data, file, spec) {
  const own = /** @type {Uint8Array<ArrayBuffer>} */ (data);
  if (spec && data.length !== spec.bytes) {
    throw new BundleError(`${file}: expected ${spec.bytes} bytes, found ${data.length}; fetch it again`);
  }
  const digest = spec ? await hash(own) : "";
  if (spec && digest !== spec.sha256) {
    throw new BundleError(
      `${file}: damaged: SHA-256 expected ${spec.sha256.slice(0, 16)}…, found ${digest.slice(0, 16)}…; fetch it again`,
    );
  }
  return own;
}

/** @param {Uint8Array<ArrayBuffer>} data */
async function hash(data) {
  if (!globalThis.crypto?.subtle) {
    throw new BundleError("bundles are verified by SHA-256, which browsers have on https pages and on localhost alone");
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
