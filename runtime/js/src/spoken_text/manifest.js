/** The manifest of the bundle that turns text into phones, which lies inside a voice's, read strictly. */
import { BundleError } from "../errors.js";
import { between, list, object, oneOf, string, whole } from "../schema.js";
import { checkCommon, checkInputs, COMMON, COMMON_DEFAULTS, Located, plainName, rule } from "../specs.js";
import { FASTEST, SLOWEST } from "./durations.js";
import { MAX_PACKED } from "./lexicon.js";

/** Where a voice's bundle has it, and its other files beside it. */
export const FOLDER = "text/";
/** The graphs that speaking takes. */
export const SPEAKING = ["letters", "durations"];
const MAX_SPEAKERS = 1 << 12;

const lexicon = object({ file: string, sha256: string, bytes: whole(1, MAX_PACKED) });
const pace = object({ speaker: string, factor: between(SLOWEST, FASTEST) });
const manifest = object(
  {
    ...COMMON, family: oneOf("spoken-text"), kind: oneOf("text"), dialect: oneOf("linear-attention", "portable"), lexicon,
    speakers: list(string), paces: list(pace),
  },
  { ...COMMON_DEFAULTS, labels: [], speakers: [], paces: [] },
);

/** @typedef {ReturnType<typeof manifest>} SpokenTextManifest */

/**
 * @param {unknown} values from JSON
 * @returns {SpokenTextManifest}
 * @throws {BundleError} in one line that names the field, what was expected and what was found
 */
export function readSpokenText(values) {
  const read = manifest(values, "", Located);
  checkCommon(read);
  const { graphs, labels, speakers, paces } = read;
  const everybody = [...speakers, ...paces.map(({ speaker }) => speaker)];
  rule("labels", !labels.length, "none", labels);
  rule("speakers", Math.max(speakers.length, paces.length) <= MAX_SPEAKERS, `at most ${MAX_SPEAKERS}`, speakers);
  rule("paces", new Set(everybody).size === everybody.length, "no speaker twice", "others");
  rule("lexicon.file", plainName(read.lexicon.file), "a plain file name inside the bundle", read.lexicon.file);
  rule("graphs", SPEAKING.every((name) => name in graphs), `${SPEAKING.join(", ")}, which a voice needs; export it anew`, Object.keys(graphs).join(", "));
  const row = ["rows", "length"];
  const inputs = /** @type {[string, string[]][]} */ ([["symbols", row], ["places", row], ["speaker", ["rows"]]]);
  checkInputs(graphs, "letters", [["letters", row]]);
  checkInputs(graphs, "durations", speakers.length ? inputs : inputs.slice(0, 2));
  for (const [name, output] of [["letters", "log_probabilities"], ["durations", "log_seconds"]]) {
    const found = graphs[name].outputs.map((tensor) => tensor.name);
    rule(`graphs.${name}.outputs`, found.includes(output), output, found.join(", "));
  }
  return read;
}
