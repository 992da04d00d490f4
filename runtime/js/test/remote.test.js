/** Speech of a model in a worker: texts that fail, that never come, and that are left; the worker's side runs in this process. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { loadInWorker } from "../src/remote.js";
import { SHIPPED } from "./vectors.js";

const { port1: worker, port2: inside } = new MessageChannel();
const asked = [];
const OPTIONS = { seed: 1, chunkTokens: 64 };
let voice;

before(async () => {
  globalThis.postMessage = (data) => inside.postMessage(data);
  globalThis.addEventListener = (kind, listener) => inside.addEventListener(kind, listener);
  await import("../src/worker.js");
  inside.addEventListener("message", ({ data }) => asked.push(data.name));
  voice = await loadInWorker(worker, new URL(`file://${SHIPPED}voice`), { ort: import.meta.resolve("onnxruntime-node") });
});

after(() => {
  worker.close();
  inside.close();
});

/** All that is said, and how often the worker was told to forget a speech. */
async function heard(text) {
  const from = asked.length;
  const words = [];
  for await (const chunk of voice.speak(text, OPTIONS)) words.push(...chunk.words.map(({ word }) => word));
  return [words.join(" "), asked.slice(from).filter((name) => name === "release").length];
}

/** Rejects, and the speech is forgotten at the other end. */
async function refused(text, says) {
  const from = asked.length;
  await assert.rejects(heard(text), (error) => says.test(`${error.name}: ${error.message}`) || assert.fail(String(error)));
  // What was posted before this has arrived when it is answered.
  await voice.calls.make("piece", 0, {});
  assert.equal(asked.slice(from).filter((name) => name === "release").length, 1);
}

let waiting = false;
/** What never comes. */
function silent() {
  waiting = true;
  return new Promise(() => {});
}

test("pieces of every kind", async () => {
  assert.deepEqual(await heard("Go on."), ["Go on", 1]);
  assert.deepEqual(await heard(["Go ", "on."]), ["Go on", 1]);
  assert.deepEqual(await heard([Promise.resolve("Go "), Promise.resolve("on.")]), ["Go on", 1]);
  assert.deepEqual(await heard((async function* () { yield "Go on."; })()), ["Go on", 1]);
});

test("texts that fail are told, and forgotten", async () => {
  await refused((function* () {
    yield "Go on. ";
    throw new RangeError("no more");
  })(), /^RangeError: no more$/);
  await refused((async function* () {
    yield "Go on. ";
    throw new RangeError("no more");
  })(), /^RangeError: no more$/);
  await refused(["Go on. ", () => {}], /^DataCloneError: /);
  await refused((function* () { yield Promise.reject(new RangeError("late")); })(), /^RangeError: late$/);
  await refused(["Go on. ", null], /^InputError: text must be a string, not object$/);
  await refused(["Я"], /^InputError: cannot say/);
  await refused("", /^InputError: nothing to say/);
});

test("a speech that waits for its text can be left", async () => {
  for (const text of [{ [Symbol.asyncIterator]: () => ({ next: silent, return: silent }) }, (async function* () { yield "Go on. And"; await silent(); })()]) {
    const speech = voice.speak(text, OPTIONS);
    const reading = (async () => {
      while (!(await speech.next()).done);
    })();
    while (!waiting) await new Promise(setImmediate);
    waiting = false;
    await speech.return();
    await reading;
    assert.deepEqual(await speech.next(), { done: true, value: undefined });
  }
  let closed = false;
  const speech = voice.speak((async function* () {
    try {
      for (;;) yield "Go on. ";
    } finally {
      closed = true;
    }
  })(), OPTIONS);
  await speech.next();
  const last = speech.next();
  await speech.return();
  await last;
  assert.ok(closed);
  // The worker serves others as before.
  assert.deepEqual(await heard("Go on."), ["Go on", 1]);
});
