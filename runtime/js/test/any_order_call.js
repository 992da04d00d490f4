/**
 * For the tests of the Python runtime: calls a model with the options of standard input, in which arrays are in base64, and
 * prints what it makes.
 */
import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-node";
import { load } from "../src/index.js";
import { bytes, floats } from "./vectors.js";

const [folder, call] = process.argv.slice(2);
const { seed, picture, mask, prompt, ...options } = JSON.parse(readFileSync(0, "utf8"));
const model = await load(folder, { ort });
const { pixels, clips, texts } = await model[call]({
  ...options, seed: BigInt(seed),
  ...(picture && { picture: { ...picture, pixels: bytes(picture.pixels) }, mask: bytes(mask) }),
  ...(prompt && { prompt: floats(prompt) }),
});
console.log(JSON.stringify(pixels ? [...pixels] : texts ?? clips.map((clip) => Array.from(clip, (sample) => sample * 32768))));
