/** Providers by name or by measurement: onnxruntime-web, with a WebGPU that is WebAssembly under its name, at a pace of ours. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import * as wasm from "onnxruntime-web";
import { BundleError, InputError, load } from "../src/index.js";
import { bytes, SHIPPED, vectors } from "./vectors.js";

wasm.env.wasm.numThreads = 1;

const DIGITS = `${SHIPPED}digits`;
const GREYS = Object.fromEntries(Object.entries(vectors.any_order.bundles.greys).map(([file, text]) => [file, bytes(text)]));
const HARD = "Too many storage buffers\nat somewhere";

/** An ONNX Runtime whose runs on a provider wait, or fail; and what it opened and released. */
function runtime({ waits = {}, fails = false } = {}) {
  const [opened, released] = [[], []];
  const create = async (data, { executionProviders: [provider] }) => {
    opened.push(provider);
    const session = await wasm.InferenceSession.create(data, { executionProviders: ["wasm"] });
    return {
      async run(feed) {
        if (fails && provider === "webgpu") throw new Error(HARD);
        await pause(waits[provider] ?? 0);
        return session.run(feed);
      },
      release() {
        released.push(provider);
        return session.release();
      },
    };
  };
  return { ort: { ...wasm, InferenceSession: { create } }, opened, released };
}

const pretend = (gpu) => Object.defineProperty(globalThis, "navigator", { value: gpu && { gpu }, configurable: true });
const ADAPTER = { requestAdapter: async () => ({}) };
const [before] = [globalThis.navigator];
after(() => Object.defineProperty(globalThis, "navigator", { value: before, configurable: true }));

for (const [source, graphs, steps] of [[DIGITS, 4, 2], [GREYS, 1, 3]]) {
  for (const [slow, faster] of [["wasm", "webgpu"], ["webgpu", "wasm"]]) {
    test(`the faster provider is taken: ${faster}, ${graphs} graphs`, async () => {
      pretend(ADAPTER);
      const { ort, opened, released } = runtime({ waits: { [slow]: 60 } });
      const seen = [];
      const model = await load(source, { ort, executionProviders: "auto", onProgress: (...bytes) => seen.push(bytes) });
      assert.deepEqual(model.bundle.options.executionProviders, [faster]);
      assert.deepEqual(opened, [...Array(graphs).fill("wasm"), ...Array(graphs).fill("webgpu")]);
      assert.deepEqual(released, Array(graphs).fill(slow));
      assert.deepEqual(seen.length, graphs + 1);
      const plain = await load(source, { ort: wasm });
      const options = { count: 2, seed: 3, steps };
      assert.deepEqual((await model.generate(options)).pixels, (await plain.generate(options)).pixels);
    });
  }
}

test("where there is no WebGPU that runs it, auto is WebAssembly and webgpu is refused", async () => {
  const none = { requestAdapter: async () => null };
  for (const [gpu, made, kind, says] of [
    [undefined, runtime(), InputError, /^webgpu: this browser has none, .*; take wasm$/], [none, runtime(), InputError, /^webgpu: this browser has no adapter/],
    [ADAPTER, { ort: wasm }, InputError, /^webgpu: not in this ONNX Runtime; import "onnxruntime-web\/webgpu"$/],
    [ADAPTER, runtime({ fails: true }), BundleError, /^digits: does not run on webgpu: Too many storage buffers; take wasm$/],
  ]) {
    pretend(gpu);
    const { ort, opened, released } = made;
    await assert.rejects(load(DIGITS, { ort, executionProviders: "webgpu" }), (error) => error instanceof kind && says.test(error.message));
    assert.equal(released?.length, opened?.length);
    const model = await load(DIGITS, { ort, executionProviders: "auto" });
    assert.deepEqual(model.bundle.options.executionProviders, ["wasm"]);
  }
});

test("a provider by its name", async () => {
  pretend(ADAPTER);
  for (const name of ["wasm", "webgpu"]) {
    const { ort, opened } = runtime();
    await load(DIGITS, { ort, executionProviders: name });
    assert.deepEqual(new Set(opened), new Set([name]));
  }
  await assert.rejects(load(DIGITS, { ort: wasm, executionProviders: "cuda" }), /^InputError: unknown provider 'cuda'; there are auto, wasm, webgpu$/);
});
