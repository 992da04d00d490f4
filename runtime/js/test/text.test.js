/** Speech from text: what Python makes of the same texts, from numbers to samples. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import * as native from "onnxruntime-node";
import * as wasm from "onnxruntime-web";
import { BundleError, InputError, load } from "../src/index.js";
import { drawn } from "../src/pcg64.js";
import { tokenControls } from "../src/spoken_text/controls.js";
import { paced } from "../src/spoken_text/durations.js";
import { unescaped } from "../src/spoken_text/entities.js";
import { Lexicon } from "../src/spoken_text/lexicon.js";
import { normalise } from "../src/spoken_text/normalise.js";
import { cardinal, ordinal, year } from "../src/spoken_text/numbers.js";
import { pattern } from "../src/spoken_text/patterns.js";
import { SentenceSplitter } from "../src/spoken_text/sentences.js";
import { unpacked } from "../src/spoken_text/xz.js";
import { bytes, difference, floats, options, SHIPPED } from "./vectors.js";

const VOICE = `${SHIPPED}voice`;
/** What Python made: see text_vectors.py. */
const vectors = JSON.parse(readFileSync(new URL("texts.json", import.meta.url), "utf8"));
const packed = new Uint8Array(readFileSync(`${VOICE}/text/lexicon.xz`));
const doubles = (text) => [...new Float64Array(bytes(text).buffer)];
/** What rounds differently. */
const near = (found, expected) => found.length === expected.length && found.every((value, i) => Math.abs(value - expected[i]) < 1e-6);

wasm.env.wasm.numThreads = 1;

async function collected(iterator) {
  const all = [];
  for await (const one of iterator) all.push(one);
  return all;
}

const joined = (chunks) => Float32Array.from(chunks.flatMap(({ audio }) => [...audio]));

const BLANKS = pattern(String.raw`(?:(?!\n)\s)+`, "g");

/** A text in pieces of a few characters, as a connection may bring them. */
async function* pieces(text, size) {
  for (let at = 0; at < text.length; at += size) yield text.slice(at, at + size);
}

test("numbers as words", () => {
  for (const [number, ...expected] of vectors.numbers) {
    assert.deepEqual([cardinal, ordinal, year].slice(0, expected.length).map((spell) => spell(number)), expected, number);
  }
});

test("what a seed draws", () => {
  for (const [seed, ...expected] of vectors.drawn) {
    assert.deepEqual([1, 2, 3, 7, 4096].map((count) => drawn(BigInt(seed), count)), expected, seed);
  }
});

test("the sentences of every text, their phones, durations and controls", async () => {
  const { frontEnd } = await load(VOICE, { ort: native });
  assert.ok(vectors.texts.length > 700);
  for (const { text, said, symbols, ...timed } of vectors.texts) {
    const sentences = await collected(frontEnd.sentences(text));
    assert.deepEqual(sentences.map((one) => one.text), said, text);
    if (symbols) assert.deepEqual(sentences.map((one) => one.symbols.join(" ")), symbols, text);
    if (!timed.seconds) continue;
    const [first] = sentences;
    const typical = await frontEnd.durations.seconds(first.symbols, first.places, timed.speaker);
    const seconds = paced(first.symbols, typical, 1.25, timed.pause ?? undefined);
    assert.ok(near(seconds, doubles(timed.seconds)), text);
    const edges = [0];
    for (const one of seconds) edges.push(edges.at(-1) + one);
    assert.deepEqual(Array.from(tokenControls(first.symbols, first.places, edges, 0.032), Number), [...bytes(timed.controls)], text);
    assert.deepEqual(first.words.map(({ first: from, end }) => [from, end]), timed.words);
    assert.equal(first.places.join(""), timed.places);
  }
});

test("sentences are the same however the text arrives", () => {
  for (const { text } of vectors.texts.filter((_, i) => i < 70 || i % 9 === 0)) {
    const whole = new SentenceSplitter();
    const expected = [...whole.feed(text), ...whole.finish()];
    for (const size of [1, 7]) {
      const splitter = new SentenceSplitter();
      const found = [];
      for (let at = 0; at < text.length; at += size) found.push(...splitter.feed(text.slice(at, at + size)));
      found.push(...splitter.finish());
      // Blanks that were kept become one.
      const plain = (all) => all.map((one) => one.replace(BLANKS, " "));
      assert.deepEqual(plain(found), plain(expected), text);
    }
  }
  const splitter = new SentenceSplitter();
  for (let i = 0; i < 1000; i += 1) splitter.feed(" ".repeat(100));
  assert.ok(splitter.rest.length < 500);
  assert.deepEqual(normalise(" \t"), []);
});

for (const [name, ort] of [["onnxruntime-node", native], ["onnxruntime-web", wasm]]) {
  describe(`${name}: speech`, () => {
    test("is Python's, words too, and streams give it piece by piece", async (context) => {
      const model = await load(VOICE, { ort });
      assert.equal(model.speaks, true);
      let largest = 0;
      for (const { options: { text, ...chosen }, words, samples } of vectors.speech) {
        const made = await model.generate({ text, ...options(chosen) });
        const found = difference(made.audio, floats(samples));
        assert.ok(found < 1e-3, `${text} ${found}`);
        largest = Math.max(largest, found);
        assert.equal(BigInt(made.seed), BigInt(chosen.seed));
        assert.deepEqual(made.words.map(({ word, mark }) => [word, mark]), words.map(([word, , , mark]) => [word, mark]));
        assert.ok(near(made.words.flatMap(({ start, end }) => [start, end]), words.flatMap(([, start, end]) => [start, end])));
        const ways = [[text, 1], [pieces(text, 2), 5], [[text.slice(0, 3), text.slice(3)], 64]];
        for (const [given, chunkTokens] of ort === wasm ? ways.slice(1, 2) : ways) {
          const speech = model.speak(given, { ...options(chosen), chunkTokens });
          const chunks = await collected(speech);
          assert.ok(difference(joined(chunks), made.audio) < 1e-5, `${difference(joined(chunks), made.audio)}`);
          assert.deepEqual(chunks.flatMap((chunk) => chunk.words), made.words);
          assert.ok(chunks[0].words.length && chunks[0].sampling_rate === model.samplingRate);
          assert.equal(BigInt(speech.seed), BigInt(chosen.seed));
        }
      }
      context.diagnostic(`largest difference from Python: ${largest}`);
      await model.release();
    });
  });
}

test("a text without end is spoken as it comes, and no further than it is heard", async () => {
  const model = await load(VOICE, { ort: native });
  let [given, closed] = [0, false];
  async function* forever() {
    try {
      for (;;) {
        given += 1;
        yield "Go on. ";
      }
    } finally {
      closed = true;
    }
  }
  const speech = model.speak(forever(), { seed: 3, speaker: "bdl", chunkTokens: 16 });
  let starts = [];
  for await (const { words } of speech) {
    starts = starts.concat(words.map(({ start }) => start));
    if (starts.length >= 6) break;
  }
  assert.ok(given <= 5, `${given}`);
  assert.ok(starts.every((start, i) => !i || start > starts[i - 1]));
  assert.ok(closed);
  assert.equal((await speech.next()).done, true);
});

test("refusals are Python's", async () => {
  const model = await load(VOICE, { ort: native });
  const refused = async (promise, message) => assert.rejects(promise, (error) => {
    assert.ok(error instanceof InputError && !error.message.includes("\n"), String(error));
    assert.equal(error.message, message);
    return true;
  });
  for (const { options: chosen, message } of vectors.refused) {
    // Python knows the names of characters.
    const code = /cannot say '(.)'/u.exec(message)?.[1].codePointAt(0).toString(16).toUpperCase().padStart(4, "0");
    const expected = message.replace(/\([A-Z0-9 -]+\): this voice/, `(U+${code}): this voice`);
    await refused(model.generate(chosen), expected);
    const { text, label, count, seconds, ...dials } = chosen;
    if (text !== undefined && [label, count, seconds].every((other) => other === undefined)) {
      await refused(model.speak(text, dials).next(), expected);
    }
    // Of pieces it is told when it comes to them.
    if (code) {
      const speech = model.speak(pieces(`Go.\n${text}`, 3), { seed: 1 });
      assert.equal((await speech.next()).done, false);
      await refused(collected(speech), expected);
    }
  }
  await refused(model.generate({ text: 5 }), "text must be a string, or pieces of it, not number");
  await refused(model.speak(null).next(), "text must be a string, or pieces of it, not object");
  await refused(model.generate({ text: ["a", 5] }), "text must be a string, not number");
  await refused(model.speak("Go.", { sped: 2 }).next(), "unknown option sped");
  await refused(model.speak("Go.", { chunkTokens: 0 }).next(), "chunkTokens must be from 1 to 16384, not 0");
  const digits = await load(`${SHIPPED}speech-digits`, { ort: native });
  assert.equal(digits.speaks, false);
  await refused(digits.generate({ text: "one" }), "speech-digits speaks no text; one that does was exported with adr-export --text");
});

test("what is left while it waits for its text says no more", async () => {
  const model = await load(VOICE, { ort: native });
  let arrives;
  const speech = model.speak((async function* () {
    yield "Go on. And then ";
    yield await new Promise((resolve) => { arrives = resolve; });
  })(), { seed: 1, chunkTokens: 64 });
  const said = [];
  const reading = (async () => {
    for (let result = await speech.next(); !result.done; result = await speech.next()) said.push(...result.value.words);
  })();
  while (!arrives) await new Promise(setImmediate);
  const left = speech.return();
  arrives("one more. And ");
  await Promise.all([reading, left]);
  assert.deepEqual(said.map(({ word }) => word), ["Go", "on"]);
});

test("names of characters are Python's, and those that HTML 4 has not stay", () => {
  for (const [text, expected] of [["&ltimes;&notinva; &parallel;", "&ltimes;&notinva; &parallel;"], ["&notit; &lt;&ltfoo;&ltimes", "¬it; <<foo;<imes"]]) {
    assert.equal(unescaped(text), expected);
  }
});

test("what a graph puts out is checked, and what cannot be used is freed", async () => {
  let change = (outputs) => outputs;
  let open = 0;
  const ort = {
    ...native,
    InferenceSession: {
      async create(...values) {
        const session = await native.InferenceSession.create(...values);
        open += 1;
        return { run: async (feed) => change(await session.run(feed)), async release() { open -= 1; } };
      },
    },
  };
  const model = await load(VOICE, { ort });
  // A word is looked up once.
  let word = "blorft";
  for (const [name, filled, says] of [
    ["log_seconds", ({ dims, data }) => new native.Tensor("float32", data.map(() => NaN), dims), /^durations\.onnx: log_seconds: expected finite numbers, found NaN$/],
    ["log_seconds", ({ data }) => new native.Tensor("float32", data.slice(1), [1, data.length - 1]), /log_seconds: expected a shape of \[1, \d+\], found \[1, \d+\]$/],
    ["log_seconds", () => undefined, /found nothing$/],
    ["log_probabilities", ({ dims, data }) => new native.Tensor("float32", data.map(() => -Infinity), dims), /^letters\.onnx: log_probabilities: expected finite numbers/],
    ["log_probabilities", ({ dims, data }) => new native.Tensor("float32", data.map(() => 0), dims), /expected probabilities that add up to 1, found 70$/],
    ["log_probabilities", ({ data }) => new native.Tensor("float32", data.slice(70), [1, data.length / 70 - 1, 70]), /expected a shape/],
  ]) {
    change = (outputs) => (outputs[name] ? { ...outputs, [name]: filled(outputs[name]) } : outputs);
    await assert.rejects(model.generate({ text: (word += "q"), seed: 1 }), (error) => {
      assert.ok(error instanceof BundleError, String(error));
      assert.match(error.message, says);
      return true;
    });
  }
  await model.release();
  assert.equal(open, 0);
  const names = ["manifest.json", "step.onnx", "timestep.onnx", "head.onnx", "decode.onnx", "text/manifest.json", "text/letters.onnx", "text/durations.onnx"];
  const files = Object.fromEntries(names.map((name) => [name, new Uint8Array(readFileSync(`${VOICE}/${name}`))]));
  await assert.rejects(load(files, { ort }), /^BundleError: text\/lexicon\.xz: missing/);
  assert.equal(open, 0);
});

test("a lexicon that is damaged", () => {
  assert.equal(new Lexicon(packed).find("cat")[0].join(" "), "K AE1 T");
  const lexicon = new Lexicon(packed);
  for (const none of ["", "cta", "zzzzzz", "a\tb", "\n", "AE1", "cat\tK", "é"]) assert.deepEqual(lexicon.find(none), [], none);
  const refused = (data, says) => assert.throws(() => new Lexicon(data, "x.xz"), (error) => error instanceof BundleError && says.test(error.message));
  refused(new Uint8Array(0), /^x\.xz: damaged: not one xz stream of LZMA2; fetch/);
  refused(packed.subarray(0, -40), /damaged/);
  assert.throws(() => unpacked(packed, 1 << 20), /^RangeError: more than 1048576 bytes$/);
  // Whatever a byte becomes, it ends, and in one line.
  const told = new Set();
  for (let i = 0; i < 400; i += 1) {
    const broken = Buffer.concat([packed.subarray(0, 3000 + 10 * i), packed.subarray(-12)]);
    broken[(i < 40 ? i : i * 97) % (broken.length - 12)] ^= 1 << (i % 8);
    assert.throws(() => new Lexicon(broken, "x.xz"), (error) => {
      told.add(/^x\.xz: damaged: ([a-zA-Z0-9 ]+); fetch or export the bundle again$/.exec(error.message)?.[1]);
      return error instanceof BundleError;
    });
  }
  assert.ok(!told.has(undefined));
  assert.ok(["cut short", "damaged"].every((one) => told.has(one)) && told.size > 3, [...told].join(", "));
  // Python's lzma made it of one line.
  const small = bytes("/Td6WFoAAATm1rRGAgAhARYAAAB0L+WjAQAMCmNhdAlLIEFFMSBUCgAAAABHDEjYSixf4gABJQ1xGcS2H7bzfQEAAAAABFla");
  assert.deepEqual(new Lexicon(small).find("cat"), [["K", "AE1", "T"]]);
  for (const parts of [[small, small], [small.subarray(0, -12), new Uint8Array(4), small.subarray(-12)], [small, new Uint8Array(4)]]) {
    refused(Buffer.concat(parts), /^x\.xz: damaged: (more than one stream|not one xz stream of LZMA2); fetch/);
  }
});

test("a bundle inside that is damaged or missing", async () => {
  const names = ["manifest.json", "step.onnx", "timestep.onnx", "head.onnx", "decode.onnx", "text/manifest.json", "text/letters.onnx", "text/durations.onnx", "text/lexicon.xz"];
  const files = Object.fromEntries(names.map((name) => [name, new Uint8Array(readFileSync(`${VOICE}/${name}`))]));
  assert.equal((await load(files, { ort: native })).speaks, true);
  const refused = (change, says) => assert.rejects(load({ ...files, ...change }, { ort: native }), (error) => {
    assert.ok(error instanceof BundleError, String(error));
    assert.match(error.message, says);
    return true;
  });
  for (const name of names.slice(5)) {
    const broken = files[name].slice();
    broken[100] ^= 1;
    await refused({ [name]: broken }, new RegExp(`^${name.replace("/", "\\/")}: damaged: SHA-256 expected`));
    await refused({ [name]: undefined }, new RegExp(`^${name.replace("/", "\\/")}: missing`));
  }
  // One whose hash is in the manifest, and which says what none says.
  const nested = async (change) => {
    const manifest = JSON.parse(new TextDecoder().decode(files["text/manifest.json"]));
    change(manifest);
    const data = new TextEncoder().encode(JSON.stringify(manifest));
    const digest = Buffer.from(await crypto.subtle.digest("SHA-256", data)).toString("hex");
    const outer = JSON.parse(new TextDecoder().decode(files["manifest.json"]));
    outer.spoken_text = { ...outer.spoken_text, sha256: digest, bytes: data.length };
    return { "text/manifest.json": data, "manifest.json": new TextEncoder().encode(JSON.stringify(outer)) };
  };
  for (const [change, says] of [
    [(m) => { delete m.graphs.durations; }, /graphs: expected letters, durations, which a voice needs; export it anew/],
    [(m) => { m.lexicon.file = "../x"; }, /lexicon\.file: expected a plain file name/], [(m) => { m.family = "adr"; }, /family: expected spoken-text/],
    [(m) => { m.paces = [{ speaker: "slt", factor: 1 }]; }, /paces: expected no speaker twice/], [(m) => { m.labels = ["a"]; }, /labels: expected none/],
    [(m) => { m.speakers = []; }, /graphs\.durations\.inputs: expected/], [(m) => { m.graphs.letters.outputs = []; }, /graphs\.letters\.outputs/],
  ]) {
    await refused(await nested(change), new RegExp(`^text\\/manifest\\.json: .*${says.source}`));
  }
});
