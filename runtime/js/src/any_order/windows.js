/**
 * Filling in what is longer or larger than a model's window.
 *
 * Windows overlap by half and are filled one after the other, so each sees what the one before it made, and all but the
 * last leave their end to the next one, which sees beyond it. A window costs the same wherever it is.
 */

/** Gives each window random numbers of its own; the first one keeps the seed's. */
const NEXT_SEED = 0x9e3779b97f4a7c15n;

/**
 * Where the windows of `size` begin on an axis of `length`, and up to where each of them fills.
 * @param {number} length
 * @param {number} size
 * @returns {[number, number][]}
 */
export function spans(length, size) {
  if (length <= size) return [[0, length]];
  const found = /** @type {[number, number][]} */ ([]);
  const [half, most] = [Math.max(Math.floor(size / 2), 1), Math.max(Math.floor((size * 3) / 4), 1)];
  for (let start = 0; start < length - size; start += half) found.push([start, start + most]);
  return [...found, [length - size, length]];
}

/**
 * What is given and what is missing: `values` (rows, columns, channels), and `target` of that shape, not 0 where a value is
 * to be drawn.
 * @typedef {object} Given
 * @property {Int32Array} values
 * @property {Uint8Array} target
 * @property {number} rows
 * @property {number} columns
 */
/**
 * One window of every answer: `values` (count, D), and of its variables, those that are `observed` and those to be drawn
 * `now`.
 * @typedef {object} Window
 * @property {Int32Array} values
 * @property {Uint8Array} observed
 * @property {Uint8Array} now
 */

/**
 * Answers (count, rows, columns, channels) with all of the target drawn by `sample` in windows of `shape`, and the rest as
 * it is. Text and sound are one row.
 * @param {(window: Window, seed: bigint) => Promise<Int32Array>} sample gives values (count, D)
 * @param {number[]} shape (rows, columns, channels)
 * @param {Given} given
 * @param {number} count
 * @param {bigint} seed
 * @returns {Promise<Int32Array>}
 */
export async function fillWindows(sample, shape, { values, target, rows, columns }, count, seed) {
  const answers = new Int32Array(count * values.length);
  for (let row = 0; row < count; row += 1) answers.set(values, row * values.length);
  const todo = Uint8Array.from(target);
  const size = shape[0] * shape[1] * shape[2];
  const windows = spans(rows, shape[0]).flatMap((down) => spans(columns, shape[1]).map((across) => ({ down, across })));
  for (const [number, { down: [top, bottom], across: [left, right] }] of windows.entries()) {
    const [observed, now] = [new Uint8Array(size), new Uint8Array(size)];
    // Where the window's variables lie in the whole: the first channel of each pair of places.
    const places = /** @type {[number, number][]} */ ([]);
    for (let y = 0; y < Math.min(shape[0], rows - top); y += 1) {
      for (let x = 0; x < Math.min(shape[1], columns - left); x += 1) {
        const [inside, whole] = [(y * shape[1] + x) * shape[2], ((top + y) * columns + left + x) * shape[2]];
        for (let c = 0; c < shape[2]; c += 1) {
          places.push([inside + c, whole + c]);
          observed[inside + c] = Number(!todo[whole + c]);
          now[inside + c] = Number(todo[whole + c] && top + y < bottom && left + x < right);
        }
      }
    }
    if (!now.includes(1)) continue;
    const start = new Int32Array(count * size);
    const each = (/** @type {(inside: number, whole: number, place: number) => void} */ act) => {
      for (let row = 0; row < count; row += 1) {
        for (const [inside, whole] of places) act(row * size + inside, row * values.length + whole, inside);
      }
    };
    each((inside, whole) => { start[inside] = answers[whole]; });
    const own = BigInt.asUintN(64, seed + BigInt(number) * NEXT_SEED);
    const drawn = await sample({ values: start, observed, now }, own);
    each((inside, whole, place) => { if (now[place]) answers[whole] = drawn[inside]; });
    for (const [inside, whole] of places) if (now[inside]) todo[whole] = 0;
  }
  return answers;
}
