/** The test vectors that bundles carry: met by both ONNX Runtimes, and missed where anything is different. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import * as native from "onnxruntime-node";
import * as wasm from "onnxruntime-web";
import { load } from "../src/index.js";
import { ofPart } from "../src/parts.js";
import { SHIPPED } from "./vectors.js";

wasm.env.wasm.numThreads = 1;

for (const [runtime, ort] of [["onnxruntime-node", native], ["onnxruntime-web", wasm]]) {
  test(`${runtime}: every shipped model makes what it made`, async (context) => {
    for (const name of await readdir(SHIPPED)) {
      const model = await load(`${SHIPPED}${name}`, { ort });
      const checks = await model.selfTest();
      assert.ok(checks.length >= 2);
      assert.deepEqual(checks.filter(({ passed }) => !passed), [], name);
      context.diagnostic(`${name}: largest difference ${Math.max(...checks.map(({ difference }) => difference))}`);
      await model.release();
    }
  });
}

test("a difference is found, and damage told in one line", async () => {
  const files = Object.fromEntries(await Promise.all((await readdir(`${SHIPPED}digits`)).map(
    async (name) => [name, new Uint8Array(await readFile(`${SHIPPED}digits/${name}`))],
  )));
  const text = new TextDecoder().decode(files["vectors.json"]);
  const tried = async (changed) => {
    const model = await load({ ...files, "vectors.json": new TextEncoder().encode(changed) }, { ort: native });
    return model.selfTest();
  };
  for (const change of [
    (v) => { v.noise[0].values[0] += 1e-3; },
    (v) => { v.samplers[1].coefficients[2][3] = 0.1; },
    (v) => { v.samplers[0].timesteps[0] = 1; },
    (v) => { v.results[0].first_tokens[1][0] = 9; },
    (v) => { v.results[1].pixels[5] = (v.results[1].pixels[5] + 90) % 256; },
    (v) => { v.results[1].pixels.pop(); },
  ]) {
    const vectors = JSON.parse(text);
    change(vectors);
    assert.equal((await tried(JSON.stringify(vectors))).filter(({ passed }) => !passed).length, 1, String(change));
  }
  for (const [changed, says] of [
    [text.slice(0, -9), /^vectors\.json: not JSON/],
    [text.replace(/"bundle":"[0-9a-f]{64}"/, `"bundle":"${"0".repeat(64)}"`), /^vectors\.json: belongs to another bundle/],
    [text.replace('"noise"', '"nois"'), /no such key/],
  ]) {
    await assert.rejects(tried(changed), (error) => says.test(error.message) && !error.message.includes("\n"));
  }
  const { "vectors.json": gone, ...without } = files;
  await assert.rejects(load(without, { ort: native }).then((model) => model.selfTest()), /vectors\.json: missing/);
});

test("parts of a picture's tokens", async () => {
  assert.deepEqual(Array.from({ length: 6 }, (_, i) => ofPart([3, 2, 1], i, 6)), [3, 3, 2, 2, 1, 1]);
  const model = await load(`${SHIPPED}digits`, { ort: native });
  const one = await model.generate({ label: 3, count: 1, seed: 1, steps: 5 });
  const many = await model.generate({ label: 3, count: 1, seed: 1, steps: [5, 5] });
  assert.deepEqual(one.pixels, many.pixels);
  for (const [options, says] of [
    [{ steps: [5, 3, 2] }, /steps has 3 values, which 16 tokens cannot be divided by/],
    [{ steps: [] }, /steps has 0 values/],
    [{ steps: [5, 0] }, /steps must be from 1 to/],
    [{ guidance: [1, -1] }, /guidance must be from 0/],
  ]) {
    await assert.rejects(model.generate({ label: 3, ...options }), says);
  }
  const speech = await load(`${SHIPPED}speech-digits`, { ort: native });
  await assert.rejects(speech.generate({ label: "one", steps: [4, 2] }), /steps must be from 1 to/);

  // Among a bundle's defaults.
  const names = ["step.onnx", "timestep.onnx", "head.onnx", "decode.onnx"];
  const files = Object.fromEntries(names.map((name) => [name, new Uint8Array(readFileSync(`${SHIPPED}digits/${name}`))]));
  const manifest = JSON.parse(readFileSync(`${SHIPPED}digits/manifest.json`, "utf-8"));
  const loaded = (steps) => {
    const text = JSON.stringify({ ...manifest, defaults: { ...manifest.defaults, steps } });
    return load({ ...files, "manifest.json": new TextEncoder().encode(text) }, { ort: native });
  };
  const { pixels } = await (await loaded([6, 3])).generate({ label: 3, count: 1, seed: 1 });
  assert.deepEqual(pixels, (await model.generate({ label: 3, count: 1, seed: 1, steps: [6, 3] })).pixels);
  for (const steps of [[], [6, 3, 2], [6, 0], "6"]) await assert.rejects(loaded(steps), /manifest\.json: defaults\.steps/);
});
