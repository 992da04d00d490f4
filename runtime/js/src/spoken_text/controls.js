/**
 * What each token of a voice is told of a sentence: the phone that it falls on, those around it, and how far it is to the edges
 * between them.
 */
import { INDEX, PAUSES, PLACES, START, SYMBOLS } from "./phones.js";

/** Upper edges of intervals, of which there is one more: in tokens, fine near an edge, and in seconds. */
const DISTANCES = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 1.75, 2, 2.5, 3, 4, 5, 6, 8, 12, 16];
const REMAINING = [0.1, 0.2, 0.35, 0.5, 0.75, 1, 1.5, 2, 3, 4];
/**
 * The controls with the numbers of their classes. All are of the middle of a token: `phone` is the symbol there, `before` the
 * one before that, `after` and `later` the two behind it; `place` says where in its word the phone stands; `since` and `until`
 * are the tokens from the phone's beginning and to its end, by DISTANCES; `mark` is the pause that ends the phrase, `left` the
 * seconds until that begins, by REMAINING.
 */
export const CONTROLS = [
  { name: "phone", classes: SYMBOLS.length }, { name: "before", classes: SYMBOLS.length },
  { name: "after", classes: SYMBOLS.length }, { name: "later", classes: SYMBOLS.length }, { name: "place", classes: PLACES },
  { name: "since", classes: DISTANCES.length + 1 }, { name: "until", classes: DISTANCES.length + 1 },
  { name: "mark", classes: PAUSES.length }, { name: "left", classes: REMAINING.length + 1 },
];
/** Of a token, by which rounding may make a sentence longer without its having one more. */
const SLACK = 1e-6;

/** How many of the edges a value has reached. @param {number[]} edges @param {number} value */
const reached = (edges, value) => edges.filter((edge) => edge <= value).length;

/**
 * The classes of one sentence's tokens, int64 (tokens, K) in the order of CONTROLS. Outside of a sentence there are pauses.
 * @param {string[]} symbols
 * @param {number[]} places
 * @param {number[]} edges where each symbol begins, in seconds, and where the last one ends
 * @param {number} token seconds of a token
 */
export function tokenControls(symbols, places, edges, token) {
  const length = Math.max(Math.ceil(edges[symbols.length] / token - SLACK), 1);
  const around = [START, ...symbols, START, START].map((symbol) => INDEX.get(symbol) ?? 0);
  const classes = new BigInt64Array(length * CONTROLS.length);
  let [here, pause] = [0, 0];
  for (let i = 0; i < length; i += 1) {
    const middle = (i + 0.5) * token;
    while (here < symbols.length - 1 && edges[here + 1] <= middle) here += 1;
    // The first pause that is not behind the token: a token in a pause has that pause itself.
    pause = Math.max(pause, here);
    while (pause < symbols.length && !PAUSES.includes(symbols[pause])) pause += 1;
    classes.set([
      around[here + 1], around[here], around[here + 2], around[here + 3], places[here],
      reached(DISTANCES, (middle - edges[here]) / token), reached(DISTANCES, (edges[here + 1] - middle) / token),
      around[pause + 1], reached(REMAINING, edges[pause] - middle),
    ].map(BigInt), i * CONTROLS.length);
  }
  return classes;
}
