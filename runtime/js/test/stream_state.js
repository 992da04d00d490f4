/** For the tests of the Python runtime: goes on with a state from standard input, or begins; prints chunks and a state. */
import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-node";
import { load } from "../src/index.js";

const [folder, choices] = process.argv.slice(2);
const model = await load(folder, { ort });
const given = readFileSync(0, "utf8").trim();
const { seed, ...options } = JSON.parse(choices);
const stream = given ? await model.resume(new Uint8Array(Buffer.from(given, "base64"))) : model.stream({ ...options, seed: BigInt(seed) });
const taken = async () => {
  const rows = [];
  for (let i = 0; i < 4; i += 1) (await stream.next()).value.clips.forEach((clip, row) => (rows[row] ??= []).push(...clip));
  return rows;
};
const before = await taken();
const state = Buffer.from(await stream.state()).toString("base64");
console.log(JSON.stringify({ before, state, after: await taken() }));
