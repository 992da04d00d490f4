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

const ready = (page) => page.waitForFunction(() => document.getElementById("fill-status").textContent === "ready");
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
  // Left empty, guidance is the model's own; a 0 in its place would forget the label.
  assert.equal(await page.inputValue("#guidance"), "");
  assert.match(await page.getAttribute("#guidance", "placeholder"), /^\d/);
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

/** Counts what the next filling in keeps and changes, and what is other than Node.js makes of it. */
async function filled(page) {
  const made = await page.evaluate(() => new Promise((resolve) => {
    addEventListener("filled", ({ detail: { picture, mask, pixels, seed } }) => {
      resolve({ ...picture, pixels: [...picture.pixels], mask: [...mask], filled: [...pixels], seed });
    }, { once: true });
    document.getElementById("fill-in").click();
  }));
  const model = await load(`${SHIPPED}pictures`, { ort });
  const { pixels, height, width, mask, seed } = made;
  const picture = { pixels: Uint8Array.from(pixels), height, width };
  const expected = await model.fill({ picture, mask, seed, steps: Number(await page.inputValue("#calls")) });
  const erased = mask.filter(Boolean).length;
  assert.ok(made.filled.every((value, i) => mask[Math.floor(i / 3)] || value === pixels[i]));
  const others = made.filled.filter((value, i) => value !== expected.pixels[i]).length;
  assert.ok(others <= (3 * erased) / 20, `${others} of ${3 * erased} values are others`);
  return { height, width, erased };
}

test("what is erased with the mouse is filled in", { skip }, async () => {
  const context = await browser.newContext();
  const page = await opened(context);
  await page.fill("#calls", "5");
  assert.equal(await page.isDisabled("#fill-in"), true);
  await page.locator("#eraser").scrollIntoViewIfNeeded();
  const { x, y, width: side } = await page.locator("#eraser").boundingBox();
  await page.mouse.move(x + side / 4, y + side / 2);
  await page.mouse.down();
  await page.mouse.move(x + (3 * side) / 4, y + side / 2, { steps: 3 });
  await page.mouse.up();
  await page.mouse.move(x + side / 2, y + 5);
  const { height, width, erased } = await filled(page);
  assert.deepEqual([height, width], [32, 32]);
  // Half the width at 7 pixels, and the round ends.
  assert.ok(erased > 16 * 7 && erased < 16 * 7 + 60, `${erased}`);
  await says(page, "fill-status", "ready in");
  const again = await filled(page);
  assert.equal(again.erased, erased);
  await page.click("#undo");
  assert.equal(await page.isDisabled("#fill-in"), true);
  await context.close();
});

test("a finger erases and does not scroll, a picture of one's own is larger", { skip }, async () => {
  const context = await browser.newContext({ viewport: { width: 360, height: 740 }, hasTouch: true, isMobile: true });
  const page = await opened(context);
  const photograph = await page.screenshot({ clip: { x: 0, y: 0, width: 300, height: 200 } });
  await page.setInputFiles("#own", { name: "own.png", mimeType: "image/png", buffer: photograph });
  await says(page, "fill-status", "ready in");
  await page.fill("#calls", "3");
  assert.equal(await page.locator("#eraser").evaluate((canvas) => getComputedStyle(canvas).touchAction), "none");
  await page.locator("#eraser").tap({ position: { x: 60, y: 60 } });
  const { height, width, erased } = await filled(page);
  assert.deepEqual([height, width], [64, 64]);
  assert.ok(erased > 30 && erased < 60, `${erased}`);
  await page.fill("#calls", "0");
  await page.click("#fill-in");
  await says(page, "fill-status", "steps must be from 1 \\(one a stage\\) to 3072, not 0");
  await page.setInputFiles("#own", { name: "no.png", mimeType: "image/png", buffer: Buffer.from("no picture") });
  await says(page, "fill-status", "no.png is no picture that this browser reads");
  await context.close();
});

test("the keyboard erases, and a drawn picture comes by a click", { skip }, async () => {
  const context = await browser.newContext();
  const page = await opened(context);
  await page.click("#draw");
  await says(page, "pictures-status", "9 pictures in");
  await page.locator("#sheet").click({ position: { x: 200, y: 100 } });
  await page.fill("#calls", "3");
  await page.locator("#brush").fill("1");
  await page.locator("#eraser").focus();
  for (const key of ["ArrowRight", " ", "ArrowDown", "Shift+ArrowDown", "Tab"]) await page.keyboard.press(key);
  const { erased } = await filled(page);
  assert.equal(erased, 2);
  await context.close();
});

test("a worker says what a model cannot do", { skip }, async () => {
  const context = await browser.newContext();
  const page = await opened(context);
  const found = await page.evaluate(async () => {
    const { loadInWorker } = await import("/src/remote.js");
    const worker = new Worker("/src/worker.js", { type: "module" });
    const pictures = await loadInWorker(worker, "/models/pictures", { ort: "/ort/ort.wasm.min.mjs" });
    const speech = await loadInWorker(worker, "/models/speech-digits", { ort: "/ort/ort.wasm.min.mjs" });
    const line = (promise) => promise.then(() => "", (error) => `${error.name}: ${error.message}`);
    return [
      [pictures.kind, pictures.labels, pictures.speakers, pictures.samplingRate ?? null], await line(speech.fill({})), await line(pictures.stream().next()),
      await line(pictures.generate({ label: "horse" })), await line(pictures.fill({ picture: { pixels: new Uint8Array(3), height: 1, width: 1 }, mask: [] })),
    ];
  });
  assert.deepEqual(found[0], ["image", [], [], null]);
  assert.deepEqual(found.slice(1, 4), [
    "InputError: speech-digits has no fill()", "InputError: pictures has no stream()", "InputError: pictures has no labels; leave the label out",
  ]);
  assert.match(found[4], /^InputError: pictures fills in a picture/);
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
