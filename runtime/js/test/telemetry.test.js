/** onnxruntime-node tells nobody what is run, and leaves nothing in the home folder. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SHIPPED } from "./vectors.js";

const GENERATE = `
import * as ort from "onnxruntime-node";
import { load } from "./src/index.js";
await (await load(process.argv[1], { ort })).generate({ count: 1, steps: 1 });
console.log(process.env.ORT_DISABLE_TELEMETRY);
`;

test("the telemetry of onnxruntime-node is off", () => {
  const home = mkdtempSync(join(tmpdir(), "adr-home-"));
  // Nothing else is handed on: with the variables of a CI service it would be off anyway.
  const env = { PATH: process.env.PATH, HOME: home, TMPDIR: home };
  const cwd = new URL("..", import.meta.url);
  try {
    const told = execFileSync(process.execPath, ["--input-type=module", "-e", GENERATE, `${SHIPPED}digits`], { cwd, env, encoding: "utf8" });
    assert.equal(told, "1\n");
    assert.deepEqual(readdirSync(home), []);
  } finally {
    rmSync(home, { recursive: true });
  }
});
