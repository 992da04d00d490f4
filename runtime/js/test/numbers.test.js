/** Noise, sampler tables and JSON against published vectors and what Python computes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseStrict } from "../src/json.js";
import { normal, philox4x32 } from "../src/philox.js";
import { coefficients, respace, roundEven } from "../src/samplers.js";
import { difference, floats, SHIPPED, vectors } from "./vectors.js";
import { readFileSync } from "node:fs";

test("philox gives the known answers of Random123", () => {
  const all = 0xffffffff;
  for (const [counter, key, expected] of [
    [[0, 0, 0, 0], [0, 0], [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]],
    [[all, all, all, all], [all, all], [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]],
    [[0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0], [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1]],
  ]) {
    const words = Uint32Array.from(counter);
    philox4x32(words, ...key);
    assert.deepEqual([...words], expected);
  }
});

test("noise is Python's", () => {
  for (const { seed, shape, values } of vectors.noise) {
    assert.ok(difference(normal(BigInt(seed), ...shape), floats(values)) <= 2.4e-7, `seed ${seed}`);
  }
});

test("sampler tables are Python's", () => {
  const { betas } = JSON.parse(readFileSync(`${SHIPPED}digits/manifest.json`, "utf8")).schedule;
  for (const { schedule, sampler, steps, temperature, spacing, timesteps, table } of vectors.tables) {
    const found = coefficients({ betas, clip: 1, ...schedule }, sampler, steps, temperature, spacing);
    assert.deepEqual(found.timesteps, timesteps);
    const expected = floats(table);
    found.table.forEach((value, i) => assert.ok(Math.abs(value - expected[i]) <= 1.2e-7 * Math.max(1, Math.abs(expected[i]))));
  }
});

test("halves are rounded to even numbers, and timesteps are all different", () => {
  assert.deepEqual([0.5, 1.5, 2.5, -0.5, -1.5, 2.4, 2.6].map(roundEven).map((x) => x + 0), [0, 2, 2, 0, -2, 2, 3]);
  for (const spacing of [1, 1.5, 4]) {
    for (const steps of [1, 7, 50, 999, 1000]) {
      const found = respace(1000, steps, spacing);
      assert.equal(new Set(found).size, steps);
      assert.ok(found.every((t, i) => t >= 0 && (i === 0 || t < found[i - 1])));
    }
  }
  assert.throws(() => respace(10, 11, 1), /steps must be from 1 to 10, not 11/);
});

test("JSON is read strictly, and no number is rounded", () => {
  const text = '{"a": [1, -2.5e3, true, null, "\\u00e9\\n"], "b": {"seed": 18446744073709551615}}';
  const { a, b } = parseStrict(text);
  assert.deepEqual([...a], [1, -2500, true, null, "é\n"]);
  assert.equal(b.seed, 18446744073709551615n);
  const broken = [
    ['{"a": 1, "a": 2}', /key "a" appears twice/], ["[1,]", /no value/], ["[1 2]", /no end of a list/], ["01", /after the end/],
    ['{"a" 1}', /no colon/], ['"\u0001"', /no/], ["NaN", /no value/], ["[".repeat(1000), /too deep/], ["1".repeat(21), /21 digits/],
    ['{"__proto__": 1} x', /after the end/], ["", /no value/],
  ];
  for (const [wrong, says] of broken) assert.throws(() => parseStrict(wrong), says);
  assert.equal(Object.getPrototypeOf(parseStrict('{"__proto__": {"x": 1}}')), null);
});
