/** The shipped models: what Python makes, sample by sample, natively and in WebAssembly. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as native from "onnxruntime-node";
import * as wasm from "onnxruntime-web";
import { load } from "../src/index.js";
import { bytes, difference, floats, options, SHIPPED, vectors } from "./vectors.js";

/**
 * Other processors and ONNX Runtimes round elsewhere; what a clip is does not depend on it. The phases of a vocoder's pulses
 * add up what differs in the pitch.
 */
const NEAR = 1e-3;

wasm.env.wasm.numThreads = 1;

for (const [name, ort] of [["onnxruntime-node", native], ["onnxruntime-web", wasm]]) {
  test(`${name}: clips`, async (context) => {
    let largest = 0;
    const model = await load(`${SHIPPED}speech-digits`, { ort });
    assert.equal(model.samplingRate, 16000);
    for (const { options: chosen, clips } of vectors.clips) {
      const made = await model.generate(options(chosen));
      assert.equal(BigInt(made.seed), BigInt(chosen.seed));
      assert.equal(made.audio, made.clips[0]);
      assert.equal(made.clips.length, clips.length);
      made.clips.forEach((clip, i) => {
        const found = difference(clip, floats(clips[i]));
        assert.ok(found < NEAR, JSON.stringify(chosen));
        largest = Math.max(largest, found);
      });
    }
    context.diagnostic(`largest difference from Python: ${largest}`);
    await model.release();
  });

  test(`${name}: a playlist, saved by Python and gone on with here`, async () => {
    const model = await load(`${SHIPPED}speech-digits`, { ort });
    const { before, state, after } = vectors.streams;
    const stream = model.stream({ playlist: ["three", "one"], cycle: true, seed: 2n ** 60n + 1n, chunkTokens: 3 });
    assert.ok(difference(await taken(stream, 7), floats(before)) < NEAR);
    const own = await model.resume(await stream.state());
    assert.ok(difference(await taken(stream, 7), floats(after)) < NEAR);
    assert.ok(difference(await taken(own, 7), floats(after)) < NEAR);
    const theirs = await model.resume(bytes(state));
    assert.equal(theirs.seed, 2n ** 60n + 1n);
    assert.ok(difference(await taken(theirs, 7), floats(after)) < NEAR);
  });

  test(`${name}: pictures`, async () => {
    const model = await load(`${SHIPPED}digits`, { ort });
    for (const { options: chosen, pixels } of vectors.pictures) {
      const made = await model.generate(chosen);
      assert.deepEqual([made.height, made.width, made.channels], [8, 8, 1]);
      assert.ok(difference(made.pixels, bytes(pixels)) <= 1);
    }
  });
}

/** The samples of the next chunks. */
async function taken(stream, count) {
  const parts = [];
  for (let i = 0; i < count; i += 1) parts.push(...(await stream.next()).value.audio);
  return Float32Array.from(parts);
}

test("a state that is asked for while a chunk is made is that behind the chunk", async () => {
  const model = await load(`${SHIPPED}speech-digits`, { ort: native });
  const stream = model.stream({ label: "six", seed: 5, chunkTokens: 4 });
  await stream.ready;
  const [, state, after] = await Promise.all([stream.next(), stream.state(), stream.next()]);
  const again = await (await model.resume(state)).next();
  assert.equal(difference(again.value.audio, after.value.audio), 0);
});

test("chunks of any length join to the same clip, and a stream that is left goes on", async () => {
  const model = await load(`${SHIPPED}speech-digits`, { ort: native });
  const whole = await model.generate({ label: "eight", seconds: 0.5, seed: 3 });
  assert.equal(whole.audio.length, 8000);
  for (const chunkTokens of [1, 5]) {
    const stream = model.stream({ label: "eight", seconds: 0.5, seed: 3, chunkTokens });
    const parts = [];
    for await (const { audio } of stream) {
      parts.push(...audio);
      if (parts.length > 1000) break;
    }
    for await (const { audio } of stream) parts.push(...audio);
    assert.ok(difference(Float32Array.from(parts), whole.audio) < 1e-6);
    assert.equal((await stream.next()).done, true);
  }
});

test("rows do not depend on one another, and calls that overlap do not mix", async () => {
  const model = await load(`${SHIPPED}speech-digits`, { ort: native });
  const [alone, both, again] = await Promise.all([
    model.generate({ label: "two", seed: 11 }), model.generate({ label: ["two", "nine"], seed: 11 }), model.generate({ label: "two", seed: 11 }),
  ]);
  assert.equal(difference(alone.audio, again.audio), 0);
  const length = Math.min(alone.audio.length, both.clips[0].length);
  assert.ok(difference(alone.audio.subarray(0, length), both.clips[0].subarray(0, length)) < 1e-5);
  const stream = model.stream({ label: "two", seconds: 0.2, seed: 4 });
  const chunks = await Promise.all(Array.from({ length: 9 }, () => stream.next()));
  const parts = chunks.flatMap(({ value }) => (value ? [...value.audio] : []));
  const expected = await model.generate({ label: "two", seconds: 0.2, seed: 4 });
  assert.ok(difference(Float32Array.from(parts), expected.audio) < 1e-6);
});

test("pictures grow, and a canvas can show them", async () => {
  const model = await load(`${SHIPPED}digits`, { ort: native });
  const shown = [];
  for await (const images of model.stream({ label: 3, count: 2, seed: 5, every: 6 })) shown.push(images);
  assert.equal(shown.length, 3);
  const whole = await model.generate({ label: 3, count: 2, seed: 5 });
  assert.deepEqual(shown[2].pixels, whole.pixels);
  assert.notDeepEqual(shown[0].pixels, whole.pixels);
  const rgba = whole.rgba(1);
  assert.equal(rgba.length, 8 * 8 * 4);
  assert.deepEqual([...rgba.subarray(0, 4)], [...Array(3).fill(whole.pixels[64]), 255]);
});

test("a seed that is not given is drawn, and told", async () => {
  const model = await load(`${SHIPPED}digits`, { ort: native });
  const [a, b] = [await model.generate({ count: 1, steps: 2 }), await model.generate({ count: 1, steps: 2 })];
  assert.notEqual(a.seed, b.seed);
  assert.deepEqual((await model.generate({ count: 1, steps: 2, seed: a.seed })).pixels, a.pixels);
});
