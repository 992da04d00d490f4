import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const SHIPPED = fileURLToPath(new URL("../../adr_runtime/bundles/shipped/", import.meta.url));
/** What the Python runtime made: see make_vectors.py. */
export const vectors = JSON.parse(readFileSync(new URL("vectors.json", import.meta.url), "utf8"));

export function bytes(text) {
  return new Uint8Array(Buffer.from(text, "base64"));
}

export function floats(text) {
  return new Float32Array(bytes(text).buffer);
}

/** The largest difference of two arrays; infinite where one is longer. */
export function difference(a, b) {
  if (a.length !== b.length) return Infinity;
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
}

/** Options as make_vectors.py has them: its seeds are text, for some are above 2^53. */
export function options({ seed, ...rest }) {
  return { ...rest, seed: BigInt(seed) };
}
