/** Bad input: one clear line, and nothing that was not verified reaches ONNX Runtime. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { test } from "node:test";
import * as ort from "onnxruntime-node";
import { checkedControls } from "../src/controls.js";
import { ADRError, BundleError, DamagedFileError, InputError, load } from "../src/index.js";
import { bytes, SHIPPED, vectors } from "./vectors.js";

const FOLDER = `${SHIPPED}digits`;
const files = Object.fromEntries(readdirSync(FOLDER).map((name) => [name, new Uint8Array(readFileSync(`${FOLDER}/${name}`))]));
const manifest = JSON.parse(new TextDecoder().decode(files["manifest.json"]));

/** Rejects with one line of this kind. */
async function refused(promise, kind, says) {
  await assert.rejects(promise, (error) => {
    assert.ok(error instanceof kind && error instanceof ADRError, String(error));
    assert.match(error.message, says);
    assert.ok(!error.message.includes("\n") && error.name === kind.name);
    return true;
  });
}

const changed = (change) => {
  const copy = structuredClone(manifest);
  const replaced = change(copy) ?? copy;
  const text = typeof replaced === "string" ? replaced : JSON.stringify(replaced);
  return load({ ...files, "manifest.json": new TextEncoder().encode(text) }, { ort });
};

test("a folder, an address and files are the same bundle", async () => {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    const data = files[request.url.slice("/a%20b/".length)];
    response.writeHead(data ? 200 : 404).end(data);
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    const address = `http://127.0.0.1:${server.address().port}/a%20b`;
    const progress = [];
    const models = [
      await load(FOLDER, { ort }), await load(new URL(`file://${FOLDER}/`), { ort }), await load(files, { ort }),
      await load(address, { ort, onProgress: (loaded, total) => progress.push(loaded / total) }),
    ];
    const made = [];
    for (const model of models) made.push((await model.generate({ label: "7", count: 1, seed: 1, steps: 3 })).pixels);
    for (const pixels of made) assert.deepEqual(pixels, made[0]);
    // Neither prompts nor what long ones take is fetched before it is needed.
    assert.deepEqual(asked.map((url) => url.slice(7)).sort(), ["decode.onnx", "head.onnx", "manifest.json", "step.onnx", "timestep.onnx"]);
    assert.deepEqual([progress[0], progress.at(-1)], [0, 1]);
    await refused(load(`${address}/nowhere`, { ort }), BundleError, /nowhere\/manifest\.json: the server says 404/);
  } finally {
    server.close();
  }
  await refused(load("http://127.0.0.1:9/x", { ort }), BundleError, /cannot be fetched/);
});

test("damaged bundles", async () => {
  const flipped = files["head.onnx"].slice();
  flipped[1000] ^= 1;
  await refused(load({ ...files, "head.onnx": flipped }, { ort }), BundleError, /^head\.onnx: damaged: SHA-256 expected/);
  await refused(load({ ...files, "head.onnx": flipped.slice(1) }, { ort }), BundleError, /expected 604182 bytes, found 604181/);
  const { "step.onnx": _, ...without } = files;
  await refused(load(without, { ort }), BundleError, /^step\.onnx: missing/);
  await refused(load("/nowhere", { ort }), BundleError, /manifest\.json: cannot read: ENOENT; give the folder of a bundle/);
  await refused(load(files, {}), InputError, /give ONNX Runtime as `ort`/);
  await refused(load(files), InputError, /give ONNX Runtime as `ort`/);
  const old = { ...ort, InferenceSession: { create: () => Promise.reject(new Error("no LinearAttention\nmore")) } };
  await refused(load(files, { ort: old }), BundleError, /ONNX Runtime refuses it, which needs ONNX Runtime 1\.25\.1 or newer: no Lin/);
});

test("manifests that say what no bundle says", async () => {
  for (const [change, says] of [
    [(m) => { m.extra = 1; }, /extra: expected no such key/],
    [(m) => { delete m.tokens; }, /tokens: expected to be there, found nothing/],
    [(m) => { m.schedule.betas[3] = 2; }, /schedule\.betas\[3\]: expected a number from/],
    [(m) => { m.schedule.prediction = "x0"; }, /schedule\.prediction: expected epsilon or velocity, found "x0"/],
    [(m) => { m.graphs.step.file = "../step.onnx"; }, /graphs\.step\.file: expected a plain file name/],
    [(m) => { m.labels = ["1", "1"]; }, /labels: expected none twice/],
    [(m) => { m.image.patch = 3; }, /image: expected sizes that the patch divides/],
    [(m) => { m.tokens.length = 15; }, /tokens\.length: expected 16, found 15/],
    [(m) => { m.states[1].shape[1] = 1 << 29; }, /states: expected at most 268435456 bytes a row/],
    [(m) => { m.graphs.head.inputs[0].shape[2] = 7; }, /graphs\.head\.inputs: expected/],
    [(m) => { m.graphs.step.outputs.shift(); }, /graphs\.step\.outputs: expected condition/],
    [(m) => { delete m.graphs.encode; }, /graphs: expected step, timestep, head, decode, encode, found/],
    [(m) => { m.family = "masked"; }, /family "masked" is for adr-run and Python alone/],
    [(m) => { m.schema_version = 2; }, /schema_version is 2; upgrade adr-runtime/],
    [() => "{", /not JSON/],
    [() => "[]", /the whole: expected an object, found a list of 0 values/],
    [(m) => { m.defaults.steps = 1.5; }, /defaults\.steps: expected a whole number/],
    [(m) => { m.controls = [{ name: "phone", classes: 5 }]; }, /controls: expected none for pictures/],
    [(m) => { m.controls = null; }, /controls: expected a list/],
    [(m) => { m.controls = [{ name: "phone" }]; }, /controls\[0\]\.classes: expected to be there, found nothing/],
    [(m) => { m.controls = [{ name: "phone", classes: 65537 }]; }, /controls\[0\]\.classes: expected a whole number from 1 to 65536/],
    [(m) => { m.spoken_text = { file: "text/manifest.json", sha256: "0", bytes: 9 }; }, /spoken_text: expected none without the controls/],
    [(m) => { m.spoken_text = { file: "../manifest.json", sha256: "0", bytes: 9 }; }, /spoken_text\.file: expected text\/manifest\.json/],
    [(m) => { m.spoken_text = { file: "text/manifest.json", sha256: "0", bytes: 0 }; }, /spoken_text\.bytes: expected a whole number from 1 to 4194304/],
  ]) {
    await refused(changed(change), BundleError, new RegExp(`^manifest\\.json: .*${says.source}`));
  }
  await refused(load({ "manifest.json": new Uint8Array([0xff]) }, { ort }), BundleError, /not UTF-8/);
});

test("pictures need no parallel graph, and sound without one takes no prompts", async () => {
  const whole = await load(files, { ort });
  const without = await changed((m) => { delete m.graphs.parallel; });
  const made = [];
  for (const model of [whole, without]) made.push((await model.generate({ label: "7", count: 1, seed: 1, steps: 3 })).pixels);
  assert.deepEqual(made[0], made[1]);
  const graphs = ["step.onnx", "timestep.onnx", "head.onnx", "decode.onnx"];
  const sound = Object.fromEntries(graphs.map((name) => [name, new Uint8Array(readFileSync(`${SHIPPED}speech-digits/${name}`))]));
  const said = JSON.parse(readFileSync(`${SHIPPED}speech-digits/manifest.json`, "utf8"));
  const speaking = (change) => {
    const copy = structuredClone(said);
    change(copy);
    return load({ ...sound, "manifest.json": new TextEncoder().encode(JSON.stringify(copy)) }, { ort });
  };
  const deaf = await speaking(() => {});
  for (const one of ["parallel", "encode"]) {
    await refused(speaking((m) => { m.graphs[one] = m.graphs.step; }), BundleError, /graphs: expected both encode and parallel, or neither/);
  }
  await refused(deaf.generate({ label: "one", seed: 1, prompt: new Float32Array(999) }), InputError, /speech-digits makes sound and takes none: its bundle has no encoder/);
  await refused(deaf.generate({ controls: { phone: [1] } }), InputError, /speech-digits takes no controls; leave them out/);
  const phone = { name: "phone", classes: 5 };
  for (const [controls, says] of [
    [[phone], /graphs\.step\.inputs: expected controls \[rows,1\]/], [[phone, phone], /controls: expected no control twice/],
    [Array.from({ length: 65 }, (_, i) => ({ name: `${i}`, classes: 1 })), /controls: expected at most 64/],
  ]) {
    await refused(speaking((m) => { m.controls = controls; }), BundleError, new RegExp(`^manifest\\.json: ${says.source}`));
  }
});

test("controls", () => {
  const manifest = { name: "told", controls: [{ name: "phone", classes: 5 }, { name: "place", classes: 3 }] };
  const checked = (controls, rows) => [...checkedControls(manifest, controls, rows)].map(Number);
  assert.deepEqual(checked({ place: [0, 3] }, 1), [5, 0, 5, 3]);
  assert.deepEqual(checked({ phone: Int32Array.of(1, 2), place: [[0, 1], [2, 3]] }, 2), [1, 0, 1, 2, 2, 1, 2, 3]);
  for (const [controls, says] of [
    [{}, /^controls are an object with classes for some of phone, place$/], [[1, 2], /^controls are an object/],
    [null, /^controls are an object/], [Int32Array.of(1), /^controls are an object/],
    [{ note: [1] }, /^unknown control 'note'; told knows phone, place$/],
    [{ phone: [6] }, /^controls\['phone'\] should be whole numbers from 0 to 5, of which 5 is none$/],
    [{ phone: [-1] }, /whole numbers from 0 to 5/], [{ phone: [0.5] }, /whole numbers from 0 to 5/], [{ phone: ["1"] }, /whole numbers/],
    [{ phone: [] }, /^controls\['phone'\] should be one class for each token, for all rows or each of 1$/],
    [{ phone: 3 }, /one class for each token/], [{ phone: "123" }, /one class for each token/], [{ phone: [[[1]]] }, /one class for each token/],
    [{ phone: [[1, 2], [3]] }, /one class for each token/], [{ phone: [[1], [2]] }, /one class for each token, for all rows or each of 1/],
    [{ phone: [1, 2], place: [1] }, /^controls of different lengths: phone 2, place 1 tokens$/],
  ]) {
    assert.throws(() => checkedControls(manifest, controls, 1), (error) => error instanceof InputError && says.test(error.message), String(says));
  }
  assert.throws(() => checkedControls(manifest, { phone: [[1, 2], [3]] }, 2), /one class for each token, for all rows or each of 2/);
});

test("arguments", async () => {
  const pictures = await load(files, { ort });
  const speech = await load(`${SHIPPED}speech-digits`, { ort });
  for (const [model, options, says] of [
    [pictures, { label: "ten" }, /unknown label 'ten'; digits knows 0, 1/], [pictures, { label: 10 }, /unknown label '10'/],
    [pictures, { speaker: "theo" }, /digits has no speakers/], [pictures, { count: 0 }, /count must be from 1 to 4096, not 0/],
    [pictures, { steps: 0 }, /steps must be from 1 to 1000, not 0/], [pictures, { guidance: NaN }, /guidance must be from 0 to 100/],
    [pictures, { temperature: 11 }, /temperature must be/], [pictures, { sampler: "euler" }, /unknown sampler 'euler'/],
    [pictures, { seed: -1 }, /seed must be/], [pictures, { seed: 2 ** 53 }, /as a BigInt/], [pictures, { seed: 1n << 64n }, /seed must be/],
    [pictures, { stepps: 3 }, /unknown option stepps/], [pictures, { label: ["1", "2"], count: 3 }, /2 labels but a count of 3/],
    [speech, { seconds: 0 }, /seconds must be more than 0/],
  ]) {
    await refused(model.generate(options), InputError, says);
  }
  const streams = [
    [{ playlist: ["one"], label: "two" }, /takes the place of label/], [{ playlist: ["ten"] }, /unknown label 'ten'/],
    [{ playlist: ["one"], pause: 61 }, /pause must be from 0 to 60/], [{ chunkTokens: 0 }, /chunkTokens must be from 1/],
  ];
  for (const [options, says] of streams) await refused(speech.stream(options).next(), InputError, says);
  assert.throws(() => speech.stream({ label: "one" }).seed, /has not begun/);
  await refused(speech.stream({ label: "ten" }).state(), InputError, /unknown label/);
});

test("states that no stream has", async () => {
  const model = await load(`${SHIPPED}speech-digits`, { ort });
  const state = bytes(vectors.streams.state);
  const broken = (change) => {
    const copy = state.slice();
    return change(copy) ?? copy;
  };
  for (const [damaged, says] of [
    [new Uint8Array(3), /does not begin as one does/], [broken((s) => { s[4] = 3; }), /has version 3, this runtime reads 4/],
    [broken((s) => { s[200] ^= 1; }), /its checksum is another/], [broken((s) => s.slice(0, -5)), /checksum/],
  ]) {
    await refused(model.resume(damaged), DamagedFileError, says);
  }
  await refused(model.resume("text"), InputError, /a state is a Uint8Array/);
});
