/**
 * For the tests of the Python runtime: takes controls, whole and in pieces, from standard input; prints the clips that they
 * make at once, and those of a stream that begins or goes on and is told piece by piece, with a state behind the first chunk
 * of each piece.
 */
import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-node";
import { load } from "../src/index.js";

const { controls, pieces, state, seed, prompt, ...rest } = JSON.parse(readFileSync(0, "utf8"));
const options = { ...rest, seed: BigInt(seed), ...(prompt && { prompt: Float32Array.from(prompt) }) };
const model = await load(process.argv[2], { ort });
const { clips } = await model.generate({ ...options, controls });

const streamed = clips.map(() => []);
const states = [];
let stream = state ? await model.resume(new Uint8Array(Buffer.from(state, "base64"))) : null;
for (const piece of pieces) {
  if (stream) await stream.extend(piece);
  stream ??= model.stream({ ...options, controls: piece });
  (await stream.next()).value.clips.forEach((clip, row) => streamed[row].push(...clip));
  states.push(await stream.state());
  // What is saved in the middle of a piece goes on with what is left of it.
  stream = await model.resume(states.at(-1));
  for await (const chunk of stream) chunk.clips.forEach((clip, row) => streamed[row].push(...clip));
}
const checks = await model.selfTest();
console.log(JSON.stringify({
  passed: checks.every(({ passed }) => passed),
  clips: clips.map((clip) => [...clip]), streamed, states: states.map((state) => Buffer.from(state).toString("base64")),
}));
