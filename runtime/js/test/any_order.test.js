/** Any-order models: what Python makes, value by value, natively and in WebAssembly; and what they refuse. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import * as native from "onnxruntime-node";
import * as wasm from "onnxruntime-web";
import { policyOf } from "../src/any_order/config.js";
import { fromMulaw, toMulaw } from "../src/any_order/mulaw.js";
import { chosen, randomOrder } from "../src/any_order/network.js";
import { shrink, splitBudget } from "../src/any_order/policy.js";
import { fromPixels, toPixels } from "../src/any_order/variables.js";
import { spans } from "../src/any_order/windows.js";
import { ADRError, AnyOrderModel, BundleError, Images, InputError, load } from "../src/index.js";
import { bytes, options, SHIPPED, vectors } from "./vectors.js";

wasm.env.wasm.numThreads = 1;

const { bundles, made, ...pieces } = vectors.any_order;
const numbers = (text) => text.split(" ").map(Number);
const small = (name) => Object.fromEntries(Object.entries(bundles[name]).map(([file, text]) => [file, bytes(text)]));
const opened = (name, ort) => load(name in bundles ? small(name) : `${SHIPPED}${name}`, { ort });

/** The arguments of a call as make_vectors.py wrote them down. */
function called({ options: chosen, picture, mask, prompt }) {
  return {
    ...options(chosen),
    ...(picture && { picture: { ...picture, pixels: bytes(picture.pixels) }, mask: bytes(mask) }),
    ...(prompt && { prompt: sound(prompt)[0] }),
  };
}

/** 16-bit samples as this package has them, in so many clips. */
function sound(text, count = 1) {
  const samples = Float32Array.from(new Int16Array(bytes(text).buffer), (sample) => sample / 32768);
  const each = samples.length / count;
  return Array.from({ length: count }, (_, i) => samples.slice(i * each, (i + 1) * each));
}

/** How many values are another than Python's, and of how many. */
function others({ pixels, texts, samples }, found) {
  const expected = pixels ? [bytes(pixels)] : texts ?? sound(samples, found.clips.length);
  const got = pixels ? [found.pixels] : texts ? found.texts : found.clips;
  assert.deepEqual(got.map((one) => one.length), expected.map((one) => one.length));
  const all = expected.flatMap((one, i) => Array.from(one, (value, j) => value === got[i][j]));
  return [all.filter((same) => !same).length, all.length];
}

for (const [name, ort] of [["onnxruntime-node", native], ["onnxruntime-web", wasm]]) {
  test(`${name}: pictures, text and sound in any order`, async (context) => {
    const models = new Map();
    const total = [0, 0];
    for (const one of made) {
      if (!models.has(one.model)) models.set(one.model, await opened(one.model, ort));
      const model = models.get(one.model);
      assert.ok(model instanceof AnyOrderModel);
      const found = await model[one.call](called(one));
      assert.equal(BigInt(found.seed), BigInt(one.options.seed));
      assert.equal(model.kind, one.pixels ? "image" : one.texts ? "text" : "audio");
      if (one.pixels) assert.ok(found instanceof Images);
      if (one.samples) assert.equal(found.sampling_rate, 8000);
      const [different, all] = others(one, found);
      // Elsewhere a probability is another in its seventh digit, and a value that is drawn at its edge another one.
      assert.ok(different <= (ort === native ? 0 : all / 20), `${one.model}: ${different} of ${all}: ${JSON.stringify(one.options)}`);
      total[0] += different;
      total[1] += all;
    }
    context.diagnostic(`${total[0]} of ${total[1]} values are others than Python's`);
    for (const model of models.values()) await model.release();
  });
}

test("budgets are planned as Python plans them", () => {
  const read = (model) => JSON.parse(readFileSync(`${SHIPPED}${model}/manifest.json`, "utf8")).step_loss;
  for (const { model, losses, budget, policy } of pieces.policies) {
    const found = splitBudget(losses ? losses.map(numbers) : read(model), budget);
    assert.deepEqual(found, policy.map(numbers), `${model ?? "losses"} ${budget}`);
  }
});

test("no policy is better than what is planned: all of them are tried", () => {
  const random = [0.9, 2.5, 0.3, 1.9, 0.2, 1.1, 0.7];
  const cost = (counts) => {
    let [sum, known] = [0, 0];
    for (const count of counts) {
      sum += count * random[known];
      known += count;
    }
    return sum;
  };
  for (let budget = 1; budget <= 7; budget += 1) {
    let least = Infinity;
    for (let bits = 0; bits < 64; bits += 1) {
      const counts = `${bits.toString(2).padStart(6, "0")}1`.match(/0*1/g).map((run) => run.length);
      if (counts.length === budget) least = Math.min(least, cost(counts));
    }
    assert.ok(Math.abs(cost(splitBudget([random], budget)[0]) - least) < 1e-12);
  }
});

test("a policy for fewer variables keeps its fractions", () => {
  assert.deepEqual(shrink([1, 2, 5], 8), [1, 2, 5]);
  assert.deepEqual(shrink([2, 4, 10], 8), [1, 2, 5]);
  assert.deepEqual(shrink([1, 1, 6], 1), [1]);
  for (let count = 1; count < 30; count += 1) {
    assert.equal(shrink([1, 1, 2, 3, 5, 8, 13], count).reduce((a, b) => a + b), count);
  }
});

test("windows, mu-law and pixels are Python's", () => {
  for (const [length, size, found] of pieces.spans) assert.deepEqual(spans(length, size), found);
  assert.deepEqual(numbers(pieces.samples).map(toMulaw), numbers(pieces.mulaw));
  assert.deepEqual(Array.from({ length: 256 }, (_, place) => fromMulaw(place)), numbers(pieces.levels));
  const spec = { levels: 256, colour: "subtract_green", shape: [1, 1, 3] };
  const pixels = Uint8Array.from({ length: 3 * 256 }, (_, i) => (i * 89) % 256);
  const values = fromPixels(pixels, spec);
  assert.ok(values.every((value) => value >= 0 && value < 256));
  assert.deepEqual([...fromPixels([77, 77, 77], spec)], [136, 77, 136]);
  assert.deepEqual([...toPixels(Int32Array.of(146, 250, 120, 0, 20, 140), spec)], [255, 250, 234, 0, 20, 24]);
  assert.deepEqual([...fromPixels([0, 16, 24, 255], { levels: 17, colour: "none", shape: [1, 1, 1] })], [0, 1, 2, 16]);
});

test("orders are all different and each is a permutation; choices follow their probabilities", () => {
  const variables = Int32Array.from({ length: 300 }, (_, i) => 2 * i);
  const [a, b, c] = [randomOrder(1n, 0, variables), randomOrder(1n, 1, variables), randomOrder(2n, 0, variables)];
  for (const order of [a, b, c]) assert.deepEqual(order.slice().sort(), variables);
  assert.notDeepEqual(a, b);
  assert.notDeepEqual(a, c);
  assert.deepEqual(randomOrder(1n, 0, variables), a);
  const odds = [0.5, 0.125, 0.375];
  const logP = Float32Array.from({ length: 3 * 800 }, (_, i) => Math.log(odds[i % 3]));
  const even = [Float64Array.from({ length: 800 }, (_, i) => (i + 0.5) / 800)];
  const counts = (temperature) => [0, 1, 2].map((digit) => chosen(logP, even, temperature).filter((d) => d === digit).length);
  assert.deepEqual(counts(1), [400, 100, 300]);
  assert.deepEqual(counts(0), [800, 0, 0]);
  // Halving the temperature squares the odds: 16 to 1 to 9.
  assert.deepEqual(counts(0.5), [492, 31, 277]);
});

test("what is given comes back exactly, and rows do not depend on one another", async () => {
  const model = await opened("digits-any", native);
  const picture = await model.generate({ count: 1, seed: 3 });
  const mask = Array.from({ length: 64 }, (_, i) => i % 3 === 0);
  const both = await model.fill({ picture, mask, count: 2, seed: 4 });
  assert.deepEqual([both.count, both.height, both.width, both.channels], [2, 8, 8, 1]);
  both.pixels.forEach((pixel, i) => assert.ok(mask[i % 64] || pixel === picture.pixels[i % 64]));
  const alone = await model.fill({ picture, mask, seed: 4 });
  assert.deepEqual(alone.pixels, both.pixels.slice(0, 64));
  assert.notDeepEqual(both.pixels.slice(0, 64), both.pixels.slice(64));
  const nothing = await model.fill({ picture, mask: new Uint8Array(64), seed: 4 });
  assert.deepEqual(nothing.pixels, picture.pixels);
  assert.equal((await model.generate()).count, 16);
  const sounds = await opened("samples", native);
  const audio = Float32Array.from({ length: 40 }, (_, i) => Math.sin(i) / 3);
  const { clips, sampling_rate: rate } = await sounds.fill({ audio, mask: audio.map((_, i) => Number(i > 9 && i < 30)), count: 2, seed: 1 });
  assert.equal(rate, sounds.samplingRate);
  for (const clip of clips) clip.forEach((sample, i) => assert.equal(sample === audio[i], i < 10 || i > 29));
});

test("whole texts, and symbols that are no ASCII", async () => {
  const model = await opened("shakespeare", native);
  const { text, texts } = await model.generate({ length: 9, count: 2, steps: 3, seed: 1 });
  assert.deepEqual(texts, (await model.fill({ template: "?????????", count: 2, steps: 3, seed: 1 })).texts);
  assert.equal(text, texts[0]);
  const filled = (await model.fill({ template: "\ufeffé ? 🙂", temperature: 0, seed: 2 })).text;
  assert.match(filled, /^\ufeffé . 🙂$/u);
});

/** Rejects with one line of this kind. */
const refused = (promise, kind, says) =>
  assert.rejects(promise, (error) => {
    assert.ok(error instanceof kind && error instanceof ADRError, String(error));
    assert.match(error.message, says);
    assert.ok(!error.message.includes("\n"));
    return true;
  });

test("arguments that cannot be", async () => {
  const [pictures, text, sounds] = await Promise.all(["digits-any", "shakespeare", "mulaw"].map((name) => opened(name, native)));
  const picture = { pixels: new Uint8Array(64), height: 8, width: 8 };
  const mask = new Uint8Array(64);
  for (const [model, call, chosen, says] of [
    [pictures, "generate", { steps: 0 }, /steps must be from 1 \(one a stage\) to 64, not 0/], [pictures, "generate", { steps: 65 }, /to 64, not 65/],
    [pictures, "generate", { steps: 2.5 }, /not 2\.5/], [pictures, "generate", { label: "7" }, /digits-any has no labels; leave the label out/],
    [pictures, "generate", { count: 0 }, /count must be from 1 to 4096, not 0/], [pictures, "generate", { count: 1.5 }, /not 1\.5/],
    [pictures, "generate", { temperature: -1 }, /temperature must be from 0 to 10, not -1/], [pictures, "generate", { seed: 1n << 64n }, /seed must be/],
    [pictures, "generate", { sampler: "ddim" }, /unknown option sampler/], [pictures, "generate", { mask }, /unknown option mask/],
    [pictures, "fill", { picture, mask: mask.slice(1) }, /digits-any fills in a picture .* height x width x 1, with a mask/],
    [pictures, "fill", { picture }, /with a mask/], [pictures, "fill", { mask }, /fills in a picture/],
    [pictures, "fill", { picture: { ...picture, height: 7 }, mask }, /fills in a picture/],
    [pictures, "fill", { picture: { ...picture, pixels: [...picture.pixels] }, mask }, /a Uint8Array of/],
    [pictures, "fill", { picture: { pixels: new Uint8Array(0), height: 0, width: 0 }, mask: [] }, /fills in a picture/],
    [pictures, "fill", { picture: { pixels: new Uint8Array(192), height: 8, width: 8 }, mask }, /height x width x 1/],
    [text, "fill", { template: "a?", hole: "??" }, /hole must be one ASCII character, not '\?\?'/], [text, "fill", { template: "a?", hole: "é" }, /ASCII/],
    [text, "fill", { template: "" }, /a template has 1 to 1048576 bytes, not 0/], [text, "fill", { template: 7 }, /a template is text, not number/],
    [text, "fill", { template: "\ud800?" }, /not Unicode text/], [text, "fill", { template: "?", count: 5000 }, /not 5000/],
    [text, "fill", { template: "?".repeat(1 << 20), count: 4000 }, /would take about 156\.3 GiB of memory/],
    [text, "generate", { length: 0 }, /length must be from 1 to 1048576, not 0/],
    [sounds, "generate", { seconds: 0 }, /seconds must be more than 0 and finite, not 0/], [sounds, "generate", { seconds: 1e9 }, /GiB/],
    [sounds, "generate", { prompt: [1] }, /prompt must be a Float32Array/], [sounds, "generate", { prompt: Float32Array.of(NaN) }, /finite/],
    [sounds, "fill", { audio: new Float32Array(3), mask: [1] }, /at least one sample, with a mask of as many/],
  ]) {
    await refused(model[call](chosen), InputError, says);
  }
  const letters = await opened("letters", native);
  await refused(letters.fill({ template: "ab?d" }), InputError, /byte 100 at place 3 is not in the model's alphabet "ab c\\n"/);
  const many = { variables: { stages: 1, shape: [1, 1 << 16, 1] }, policies: {}, step_loss: [Array(1 << 16).fill(1)] };
  assert.throws(() => policyOf(many, 60000), /a plan of 60000 steps for 65536 variables would take about 14\.6 GiB/);
  assert.equal(policyOf(many, 1 << 16)[0].length, 1 << 16);
});

test("manifests that say what no any-order bundle says", async () => {
  const files = small("greys");
  const manifest = JSON.parse(new TextDecoder().decode(files["manifest.json"]));
  for (const [change, says] of [
    [(m) => { m.extra = 1; }, /extra: expected no such key/], [(m) => { delete m.policies; }, /policies: expected to be there/],
    [(m) => { m.kind = "text"; }, /kind: expected that of the variables, found "text"/], [(m) => { m.kind = "smell"; }, /kind: expected image or/],
    [(m) => { m.labels = ["a"]; }, /labels: expected none/], [(m) => { m.variables.stages = 4; }, /variables\.stages: expected as many as 6 levels take/],
    [(m) => { m.variables.levels = 1; }, /variables\.levels: expected/], [(m) => { m.variables.shape = [5, 4]; }, /variables\.shape: expected 3 sizes/],
    [(m) => { m.variables.shape = [1000, 1000, 1]; }, /product up to 65536/], [(m) => { m.variables.shape = [5, 5, 1]; }, /defaults|step_loss\[0\]/],
    [(m) => { m.variables.colour = "hsv"; }, /variables\.colour: expected none or/], [(m) => { m.variables.colour = "subtract_green"; }, /variables\.colour: expected none of one channel/],
    [(m) => { m.variables.alphabet = "aab"; }, /variables\.alphabet: expected distinct/],
    [(m) => { m.variables.sample_rate = 8000; }, /variables\.sample_rate: expected set for sound only/],
    [(m) => { m.step_loss.pop(); }, /step_loss: expected 3 stages, found 2/], [(m) => { m.step_loss[1][2] = 1000; }, /step_loss\[1\]: expected 20 losses/],
    [(m) => { m.step_loss[1][2] = -1; }, /step_loss\[1\]\[2\]: expected a number from 0/], [(m) => { m.defaults.steps = 61; }, /defaults\.steps: expected a budget/],
    [(m) => { m.policies = { 4: [[20], [20], [10, 10]], 5: [[20], [20], [10, 10]] }; }, /policies\.5: expected 3 lists/],
    [(m) => { m.policies = { 3: [[20], [20], [19]] }; }, /policies\.3/], [(m) => { m.policies = { 3: [[20], [20], [20, 0]] }; }, /policies\.3/],
    [(m) => { m.graphs.other = m.graphs.network; }, /graphs: expected network/], [(m) => { m.graphs.network.file = "../x"; }, /plain file name/],
    [(m) => { m.graphs.network.inputs[1].dtype = "int64"; }, /graphs\.network\.inputs: expected .*known bool \[rows,20\]/],
    [(m) => { m.graphs.network.outputs[0].shape[2] = 3; }, /graphs\.network\.outputs: expected/],
    [(m) => { m.training = { a: [1] }; }, /training\.a: expected text/], [(m) => { m.onnxruntime = "1.x"; }, /onnxruntime: expected a version/],
    [(m) => { m.schema_version = 2; }, /schema_version is 2; upgrade/], [(m) => { m.family = "ard"; }, /expected/],
  ]) {
    const copy = structuredClone(manifest);
    change(copy);
    const text = new TextEncoder().encode(JSON.stringify(copy));
    await refused(load({ ...files, "manifest.json": text }, { ort: native }), BundleError, new RegExp(`^manifest\\.json: .*${says.source}`));
  }
});

test("a network that says no probabilities is refused", async () => {
  const saying = (says) => ({
    ...native, InferenceSession: { create: async () => ({ run: async ({ index }) => ({ log_probabilities: says(index.dims) }) }) },
  });
  const less = saying(() => ({ dims: [1, 1, 2], data: new Float32Array(2) }));
  const odd = saying(([rows, count]) => ({ dims: [rows, count, 2], data: new Float32Array(rows * count * 2) }));
  await refused((await opened("greys", less)).generate({ steps: 3 }), ADRError, /network\.onnx: log_probabilities: expected a shape of \[2,20,2\], found \[1,1,2\]/);
  await refused((await opened("greys", odd)).generate({ steps: 3 }), ADRError, /expected probabilities that add up to 1, found 2/);
});
