/** The execution provider of ONNX Runtime that a model runs on, where one is named or the faster one is to be found. */
import { sample } from "./any_order/network.js";
import { dimensions } from "./any_order/variables.js";
import { labelRows, resolve } from "./config.js";
import { BundleError, InputError } from "./errors.js";
import { TokenGenerator } from "./generator.js";

/** Tokens that are timed; one before them warms up, for which shaders are compiled. */
const TIMED = 3;
const WASM = ["wasm"];
const WEBGPU = ["webgpu"];

/** @typedef {import("./bundle.js").LoadOptions} LoadOptions */
/** @typedef {import("./bundle.js").Bundle<any>} AnyBundle */

/**
 * A bundle on the provider that is wanted; with "auto" on WebGPU where that makes tokens faster than WebAssembly.
 * @param {LoadOptions} options
 * @param {(options: LoadOptions) => Promise<AnyBundle>} open
 * @returns {Promise<AnyBundle>}
 * @throws {InputError | BundleError} where a provider that is named cannot be had, or cannot run the bundle
 */
export async function openOn(options, open) {
  const { executionProviders: wanted } = options ?? {};
  if (typeof wanted !== "string") return open(options);
  if (!["auto", ...WASM, ...WEBGPU].includes(wanted)) throw new InputError(`unknown provider '${wanted}'; there are auto, wasm, webgpu`);
  if (wanted === "webgpu") return (await onWebGPU(options, open)).bundle;
  const wasm = await open({ ...options, executionProviders: WASM });
  if (wanted === "wasm") return wasm;
  const webgpu = await onWebGPU({ ...options, onProgress: undefined }, open).catch(() => null);
  if (!webgpu) return wasm;
  // Where WebAssembly cannot run it either, whoever calls is told when it generates.
  const faster = webgpu.milliseconds < await timed(wasm).catch(() => Infinity);
  await (faster ? wasm : webgpu.bundle).release();
  return faster ? webgpu.bundle : wasm;
}

/**
 * A bundle that has run on WebGPU, and the milliseconds of a token there.
 * @param {LoadOptions} options
 * @param {(options: LoadOptions) => Promise<AnyBundle>} open
 */
async function onWebGPU(options, open) {
  const { gpu } = /** @type {{gpu?: {requestAdapter(): Promise<unknown>}}} */ (globalThis.navigator ?? {});
  if (!gpu) throw new InputError("webgpu: this browser has none, or none on this page (https and localhost have it); take wasm");
  if (!(await gpu.requestAdapter())) throw new InputError("webgpu: this browser has no adapter for it; take wasm");
  /** @type {AnyBundle | undefined} */
  let bundle;
  try {
    bundle = await open({ ...options, executionProviders: WEBGPU });
    // Whether its graphs run there turns out when they run.
    return { bundle, milliseconds: await timed(bundle) };
  } catch (error) {
    await bundle?.release();
    const { message } = /** @type {Error} */ (error);
    if (/no available backend/.test(message)) throw new InputError('webgpu: not in this ONNX Runtime; import "onnxruntime-web/webgpu"');
    if (!bundle && /ONNX Runtime refuses it/.test(message)) throw new BundleError(`webgpu: ${message.split("\n")[0]}; take wasm`);
    if (!bundle) throw error;
    throw new BundleError(`${bundle.manifest.name}: does not run on webgpu: ${message.split("\n")[0]}; take wasm`);
  }
}

/**
 * Milliseconds of a token and what it becomes, or of a network call for each stage of an any-order model: the least of some.
 * @param {AnyBundle} bundle
 */
async function timed(bundle) {
  const once = bundle.manifest.family === "ardm" ? drawing(bundle) : await speaking(bundle);
  let least = Infinity;
  for (let i = 0; i <= TIMED; i += 1) {
    const begun = performance.now();
    await once();
    if (i) least = Math.min(least, performance.now() - begun);
  }
  return least;
}

/** @param {import("./any_order/network.js").AnyOrderBundle} bundle */
function drawing(bundle) {
  const { variables } = bundle.manifest;
  const size = dimensions(variables);
  const all = { values: new Int32Array(size), observed: new Uint8Array(size), now: new Uint8Array(size).fill(1) };
  const policy = Array.from({ length: variables.stages }, () => [size]);
  return () => sample(bundle, all, { policy, temperature: 1, seed: 0n }, 0n);
}

/** @param {import("./bundle.js").Bundle} bundle */
async function speaking(bundle) {
  const { manifest } = bundle;
  const settings = resolve(manifest, { seed: 0 }, labelRows(manifest.labels.length ? 0 : null, 1));
  const generator = await TokenGenerator.create(bundle, settings);
  const state = generator.start();
  return async () => {
    const token = await generator.next(state);
    await generator.decode(state, Array(manifest.tokens.length ?? 1).fill(token));
  };
}
