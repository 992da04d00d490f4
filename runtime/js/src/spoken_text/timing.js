/** A text as a voice takes it: what each token is told, and when each word is heard. */
import { tokenControls } from "./controls.js";
import { paced } from "./durations.js";
import { PAUSES } from "./phones.js";

/**
 * @typedef {object} Word a word as it is said, in a number or an abbreviation one of several
 * @property {string} word
 * @property {number} start seconds
 * @property {number} end
 * @property {string} mark the punctuation behind it, a comma or what ends a sentence, or nothing
 */
/** What the tokens of a sentence are told, and its words from its beginning on. @typedef {{controls: BigInt64Array, words: Word[]}} TimedSentence */

/**
 * The sentences of a text for tokens of `token` seconds, each as soon as it is over.
 * @param {import("./front_end.js").SpokenText} frontEnd
 * @param {import("./front_end.js").Text} text
 * @param {{token: number, speed: number, pause?: number, speaker: string | null}} dials
 * @returns {AsyncGenerator<TimedSentence, void>}
 */
export async function* timedSentences(frontEnd, text, { token, speed, pause, speaker }) {
  for await (const { symbols, places, words } of frontEnd.sentences(text)) {
    const seconds = paced(symbols, await frontEnd.durations.seconds(symbols, places, speaker), speed, pause);
    const edges = [0];
    for (const one of seconds) edges.push(edges[edges.length - 1] + one);
    const mark = (/** @type {string} */ symbol) => (PAUSES.includes(symbol) ? symbol : "");
    yield {
      controls: tokenControls(symbols, places, edges, token),
      words: words.map(({ text: word, first, end }) => ({ word, start: edges[first], end: edges[end], mark: mark(symbols[end]) })),
    };
  }
}
