/** What languages.js does with a model, in Node.js and in a page: the same calls, of a model or of one in a worker. */

/**
 * Milliseconds to the first sound of a stream, and of each of so many tokens after it; an equal stream before warms up.
 * @param {any} model
 * @param {number} tokens
 */
export async function timed(model, tokens) {
  let [first, each] = [0, 0];
  for (const seed of [1, 2]) {
    const begun = performance.now();
    const stream = model.stream({ label: "seven", seed });
    await stream.next();
    first = performance.now() - begun;
    for (let i = 0; i < tokens; i += 1) await stream.next();
    each = (performance.now() - begun - first) / tokens;
    await stream.release?.();
  }
  return { first, each };
}

/**
 * The samples of each setting, as languages.py has them, and the state behind the first half of a playlist.
 * @param {any} model
 * @param {any[]} settings
 * @param {number[]} given a state of another language, to go on with
 */
export async function made(model, settings, given) {
  const clips = [];
  let state = [];
  for (const { seed, chunk_tokens: chunkTokens, chunks, ...options } of settings) {
    if (!chunks) {
      clips.push([...(await model.generate({ ...options, seed: BigInt(seed) })).audio]);
      continue;
    }
    const stream = seed ? model.stream({ ...options, chunkTokens, seed: BigInt(seed) }) : await model.resume(Uint8Array.from(given));
    const parts = [];
    for (let i = 0; i < chunks; i += 1) parts.push(...(await stream.next()).value.audio);
    if (seed) state = [...(await stream.state())];
    await stream.release?.();
    clips.push(parts);
  }
  return { clips, state };
}
