/** The page in a real browser: Debian's Chromium, or the one that ADR_CHROMIUM names. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import * as ort from "onnxruntime-node";
import { chromium } from "playwright-core";
import { build, serve } from "../page/build.js";
import { load } from "../src/index.js";
import { difference, floats, options, SHIPPED, vectors } from "./vectors.js";

const CHROMIUM = process.env.ADR_CHROMIUM ?? "/usr/bin/chromium";
const skip = !process.env.ADR_CHROMIUM && !existsSync(CHROMIUM) && "needs Chromium (apt install chromium)";
const folder = mkdtempSync(join(tmpdir(), "adr-page-"));
let server;
let browser;
let address;

before(async () => {
  if (skip) return;
  build(folder);
  server = await serve(folder, 0);
  address = `http://127.0.0.1:${server.address().port}/`;
  const args = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"];
  browser = await chromium.launch({ executablePath: CHROMIUM, args });
});

after(async () => {
  await browser?.close();
  server?.close();
  rmSync(folder, { recursive: true });
});

/** The page, ready, which fails the test where a script does. */
async function opened(context) {
  const page = await context.newPage();
  page.on("pageerror", (error) => assert.fail(error.message));
  await page.goto(address);
  await ready(page);
  return page;
}

const ready = (page) => page.waitForFunction(() => document.getElementById("pictures-status").textContent === "ready");
const says = (page, id, pattern) =>
  page.waitForFunction(([where, text]) => new RegExp(text).test(document.getElementById(where).textContent), [id, pattern]);

test("a word is heard, and is the one that Node.js makes", { skip }, async () => {
  const context = await browser.newContext();
  const page = await opened(context);
  await page.evaluate(() => {
    globalThis.heard = [];
    addEventListener("samples", ({ detail }) => globalThis.heard.push(...detail));
  });
  await page.fill("#seed", "18446744073709551615");
  // By keyboard.
  await page.locator("#words button", { hasText: "seven" }).focus();
  await page.keyboard.press("Enter");
  await says(page, "speech-status", "real-time factor");
  const model = await load(`${SHIPPED}speech-digits`, { ort });
  const expected = [];
  for await (const { audio } of model.stream({ playlist: ["seven"], pause: 0.1, steps: 4, seed: 2n ** 64n - 1n })) expected.push(...audio);
  await page.waitForFunction((length) => globalThis.heard.length >= length, expected.length);
  assert.ok(difference(await page.evaluate(() => globalThis.heard), expected) < 1e-4);
  await context.close();
});

test("pictures are drawn; a wrong seed gets a line; a telephone has room for everything", { skip }, async () => {
  const context = await browser.newContext({ viewport: { width: 360, height: 740 } });
  const page = await opened(context);
  await page.selectOption("#label", "horse");
  await page.click("#draw");
  await says(page, "pictures-status", "9 pictures in");
  const seen = await page.evaluate(() => {
    const canvas = document.getElementById("sheet");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return [canvas.width, canvas.height, new Set(data).size];
  });
  assert.deepEqual(seen.slice(0, 2), [99, 99]);
  assert.ok(seen[2] > 16);
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false);
  await page.fill("#steps", "0");
  await page.click("text=zero");
  await says(page, "speech-status", "steps must be from 1 to 1000, not 0");
  await page.fill("#steps", "4");
  await page.fill("#seed", "1.5");
  await page.click("text=zero");
  await says(page, "speech-status", "seed must be a whole number, not 1.5");
  await context.close();
});

test("once it was here it works without a network", { skip }, async () => {
  const context = await browser.newContext();
  const page = await opened(context);
  await page.evaluate(() => navigator.serviceWorker.ready);
  await page.waitForFunction(async () => (await (await caches.open("adr-page")).keys()).length > 20);
  await context.setOffline(true);
  await page.reload();
  await ready(page);
  await page.click("text=three");
  await says(page, "speech-status", "real-time factor");
  await context.close();
});

test("every clip of the vectors, in the page's own thread", { skip }, async () => {
  const context = await browser.newContext();
  const page = await opened(context);
  const made = await page.evaluate(async (cases) => {
    const [{ load: open }, runtime] = [await import("/src/index.js"), await import("/ort/ort.wasm.min.mjs")];
    runtime.env.wasm.numThreads = 1;
    const model = await open("/models/speech-digits", { ort: runtime });
    const found = [];
    for (const { seed, ...rest } of cases) {
      found.push((await model.generate({ ...rest, seed: BigInt(seed) })).clips.map((clip) => [...clip]));
    }
    return found;
  }, vectors.clips.map(({ options: chosen }) => ({ ...chosen, seed: String(options(chosen).seed) })));
  made.forEach((clips, i) => clips.forEach((clip, row) => assert.ok(difference(clip, floats(vectors.clips[i].clips[row])) < 1e-4)));
  await context.close();
});
