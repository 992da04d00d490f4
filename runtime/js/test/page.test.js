/** The page in real browsers, each of which is started once and loads the page once. */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import * as ort from "onnxruntime-web";
import { build, serve } from "../page/build.js";
import { load } from "../src/index.js";
import { browsers } from "./browsers.js";
import { bytes, difference, floats, options, SHIPPED, vectors } from "./vectors.js";

const ORT = dirname(fileURLToPath(import.meta.resolve("onnxruntime-web")));
const DESKTOP = { width: 1280, height: 720 };
const TELEPHONE = { width: 360, height: 740 };
ort.env.wasm.numThreads = 1;
const folder = mkdtempSync(join(tmpdir(), "adr-page-"));

before(() => {
  if (browsers.some(({ skip }) => !skip)) build(folder);
});
after(() => rmSync(folder, { recursive: true }));

const ready = (page) => page.waitForFunction(() => document.getElementById("fill-status").textContent === "ready");
const read = (page, id, property) => page.evaluate(([where, what]) => document.getElementById(where)[what], [id, property]);

/** Types a value, which the page is told of as of one that a person typed. */
const enter = (page, id, value) => page.evaluate(([where, text]) => {
  const element = document.getElementById(where);
  element.value = text;
  element.dispatchEvent(new Event("input", { bubbles: true }));
  element.dispatchEvent(new Event("change", { bubbles: true }));
}, [id, value]);

/** Where an element is, once it has come into view: the first that has this text. */
const place = (page, selector, text = "") => page.evaluate(([where, part]) => {
  const element = [...document.querySelectorAll(where)].find(({ textContent }) => textContent.includes(part));
  element.scrollIntoView({ block: "center" });
  const { x, y, width, height } = element.getBoundingClientRect();
  return { x, y, width, height };
}, [selector, text]);

async function click(page, selector, text) {
  const { x, y, width, height } = await place(page, selector, text);
  await page.mouse.click(x + width / 2, y + height / 2);
}

/** Does something, and waits for what the page says then. */
async function says(page, id, pattern, act) {
  await page.evaluate((where) => { document.getElementById(where).textContent = ""; }, id);
  await act();
  await page.waitForFunction(([where, text]) => new RegExp(text).test(document.getElementById(where).textContent), [id, pattern]);
}

/** Counts what the next filling in erases, and checks that the rest is kept and that Node.js makes the same of it. */
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
  const expected = await model.fill({ picture, mask, seed, steps: Number(await read(page, "calls", "value")) });
  const erased = mask.filter(Boolean).length;
  assert.ok(made.filled.every((value, i) => mask[Math.floor(i / 3)] || value === pixels[i]));
  // Of the same WebAssembly: where another library rounds elsewhere, one symbol that falls otherwise changes those after it.
  assert.deepEqual(made.filled, [...expected.pixels], `seed ${seed}`);
  return { height, width, erased };
}

/** Listens to what the page makes from here on. */
const listen = (page) => page.evaluate(() => {
  globalThis.heard = [];
  globalThis.listening?.abort();
  globalThis.listening = new AbortController();
  addEventListener("samples", ({ detail }) => globalThis.heard.push(...detail), { signal: globalThis.listening.signal });
});

for (const { name, skip, launch } of browsers) {
  describe(name, { skip }, () => {
    let server;
    let browser;
    let page;

    before(async () => {
      server = await serve(folder, 0);
      browser = await launch();
      page = await browser.newPage({ viewport: DESKTOP, hasTouch: true });
      page.on("pageerror", (error) => assert.fail(error.message));
      await page.goto(`http://127.0.0.1:${server.address().port}/`);
      await ready(page);
    });
    after(async () => {
      await browser?.close();
      server?.close();
    });

    test("a word is heard, and is the one that Node.js makes", async () => {
      await listen(page);
      await enter(page, "seed", "18446744073709551615");
      // By keyboard.
      await page.evaluate(() => [...document.querySelectorAll("#words button")].find((button) => button.textContent === "seven").focus());
      await says(page, "speech-status", "real-time factor", () => page.keyboard.press("Enter"));
      const model = await load(`${SHIPPED}speech-digits`, { ort });
      const expected = [];
      for await (const { audio } of model.stream({ playlist: ["seven"], pause: 0.1, steps: 4, seed: 2n ** 64n - 1n })) expected.push(...audio);
      await page.waitForFunction((length) => globalThis.heard.length >= length, expected.length);
      assert.ok(difference(await page.evaluate(() => globalThis.heard), expected) < 1e-3);
    });

    test("a text is heard sentence after sentence, and its words are marked as they are said", async () => {
      await listen(page);
      const text = "Go on. It is 5 km, no more!";
      await enter(page, "written", text);
      await enter(page, "reader", "slt");
      await enter(page, "speed", "1.5");
      await enter(page, "text-seed", "3");
      await page.evaluate(() => {
        globalThis.marked = [];
        new MutationObserver(() => {
          const word = document.querySelector("#said [aria-current]")?.textContent;
          if (word && word !== globalThis.marked.at(-1)) globalThis.marked.push(word);
        }).observe(document.getElementById("said"), { attributes: true, subtree: true, childList: true });
      });
      await says(page, "text-status", "real-time factor", () => click(page, "#read"));
      await page.waitForFunction(() => document.getElementById("read").textContent === "say it");
      const model = await load(`${SHIPPED}voice`, { ort });
      const expected = await model.generate({ text, speaker: "slt", speed: 1.5, seed: 3 });
      assert.ok(difference(await page.evaluate(() => globalThis.heard), expected.audio) < 1e-3);
      const marked = await page.evaluate(() => globalThis.marked);
      // One that is short may fall between two pictures of the screen.
      const words = expected.words.map(({ word }) => word);
      assert.deepEqual(marked, words.filter((word) => marked.includes(word)));
      assert.ok(marked.length > 3, `${marked}`);
    });

    test("a text that cannot be said gets a line, and a long one can be stopped", async () => {
      await enter(page, "written", "Я");
      await says(page, "text-status", "cannot say 'Я' \\(U\\+042F\\)", () => click(page, "#read"));
      await enter(page, "written", " ");
      await says(page, "text-status", "nothing to say", () => click(page, "#read"));
      await enter(page, "written", "And on and on. ".repeat(200));
      await says(page, "text-status", "real-time factor", () => click(page, "#read"));
      await page.waitForFunction(() => document.querySelector("#said [aria-current]"));
      await click(page, "#read");
      await page.waitForFunction(() => document.getElementById("read").textContent === "say it" && !document.getElementById("said").textContent);
    });

    test("a worker asks for the pieces of a text when it comes to them", async () => {
      const found = await page.evaluate(async () => {
        const { loadInWorker } = await import("/src/remote.js");
        const worker = new Worker("/src/worker.js", { type: "module" });
        const voice = await loadInWorker(worker, "/models/voice", { ort: "/ort/ort.wasm.min.mjs" });
        let [given, closed] = [0, false];
        async function* forever() {
          try {
            for (;;) yield `Go on, ${(given += 1)}. `;
          } finally {
            closed = true;
          }
        }
        const options = { seed: 3, chunkTokens: 16 };
        const line = (promise) => promise.then(() => "", (error) => `${error.name}: ${error.message}`);
        const said = [];
        for await (const { words } of voice.speak(forever(), options)) {
          said.push(...words.map(({ word }) => word));
          if (said.length > 4) break;
        }
        const failing = async function* () {
          yield "Go. ";
          throw new RangeError("no more");
        };
        const all = async (speech) => {
          for await (const _ of speech);
        };
        const found = [
          said, given, closed, await line(all(voice.speak(failing(), options))), await line(voice.speak(5).next()),
          await line(voice.speak("Go.", { speed: 0 }).next()), voice.speaks,
          (await voice.generate({ text: ["Go ", "on."], ...options })).words.map(({ word }) => word),
        ];
        worker.terminate();
        return found;
      });
      const [said, given, ...rest] = found;
      assert.deepEqual(said.slice(0, 3), ["Go", "on", "one"]);
      assert.ok(given < 6, `${given}`);
      assert.deepEqual(rest, [
        true, "RangeError: no more", "InputError: text must be a string, or pieces of it, not number",
        "InputError: speed must be from 0.5 to 2, not 0", true, ["Go", "on"],
      ]);
    });

    test("it counts until it is told to stop", async () => {
      await listen(page);
      await enter(page, "seed", "7");
      const pressed = () => page.evaluate(() => document.getElementById("endless").getAttribute("aria-pressed"));
      await click(page, "#endless");
      await page.waitForFunction(() => globalThis.heard.length > 12000);
      assert.equal(await pressed(), "true");
      await click(page, "#endless");
      await page.waitForFunction(() => document.getElementById("endless").getAttribute("aria-pressed") === "false");
      const heard = await page.evaluate(() => globalThis.heard);
      const model = await load(`${SHIPPED}speech-digits`, { ort });
      const expected = [];
      for await (const { audio } of model.stream({ playlist: model.labels, cycle: true, steps: 4, seed: 7 })) {
        if (expected.push(...audio) >= heard.length) break;
      }
      assert.ok(difference(heard, expected.slice(0, heard.length)) < 1e-3);
      await enter(page, "seed", "");
    });

    test("pictures are drawn; a wrong seed gets a line; a telephone has room for everything", async () => {
      await page.setViewportSize(TELEPHONE);
      await enter(page, "label", "horse");
      // Left empty, guidance is the model's own; a 0 in its place would forget the label.
      assert.equal(await read(page, "guidance", "value"), "");
      assert.match(await read(page, "guidance", "placeholder"), /^\d/);
      await says(page, "pictures-status", "9 pictures in", () => click(page, "#draw"));
      const seen = await page.evaluate(() => {
        const canvas = document.getElementById("sheet");
        const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
        return [canvas.width, canvas.height, new Set(data).size];
      });
      assert.deepEqual(seen.slice(0, 2), [99, 99]);
      assert.ok(seen[2] > 16);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth > innerWidth), false);
      await enter(page, "steps", "0");
      await says(page, "speech-status", "steps must be from 1 to 1000, not 0", () => click(page, "#words button", "zero"));
      await enter(page, "steps", "4");
      await enter(page, "seed", "1.5");
      await says(page, "speech-status", "seed must be a whole number, not 1.5", () => click(page, "#words button", "zero"));
      await enter(page, "seed", "");
      await page.setViewportSize(DESKTOP);
    });

    test("what is erased with the mouse is filled in", async () => {
      await enter(page, "calls", "5");
      assert.equal(await read(page, "fill-in", "disabled"), true);
      const { x, y, width: side } = await place(page, "#eraser");
      await page.mouse.move(x + side / 4, y + side / 2);
      await page.mouse.down();
      await page.mouse.move(x + (3 * side) / 4, y + side / 2, { steps: 3 });
      await page.mouse.up();
      await page.mouse.move(x + side / 2, y + 5);
      const { height, width, erased } = await filled(page);
      assert.deepEqual([height, width], [32, 32]);
      // Half the width at 7 pixels, and the round ends.
      assert.ok(erased > 16 * 7 && erased < 16 * 7 + 60, `${erased}`);
      await page.waitForFunction(() => /ready in/.test(document.getElementById("fill-status").textContent));
      const again = await filled(page);
      assert.equal(again.erased, erased);
      await page.waitForFunction(() => !document.getElementById("undo").disabled);
      await click(page, "#undo");
      assert.equal(await read(page, "fill-in", "disabled"), true);
    });

    test("a finger erases and does not scroll, a picture of one's own is larger", async () => {
      await page.setViewportSize(TELEPHONE);
      const [picture, none] = [join(folder, "own.png"), join(folder, "no.png")];
      writeFileSync(picture, await page.screenshot({ clip: { x: 0, y: 0, width: 300, height: 200 } }));
      writeFileSync(none, "no picture");
      await says(page, "fill-status", "ready in", () => page.setInputFiles("#own", picture));
      await enter(page, "calls", "3");
      assert.equal(await page.evaluate(() => getComputedStyle(document.getElementById("eraser")).touchAction), "none");
      const { x, y } = await place(page, "#eraser");
      await page.touchscreen.tap(x + 60, y + 60);
      const { height, width, erased } = await filled(page);
      assert.deepEqual([height, width], [64, 64]);
      assert.ok(erased > 30 && erased < 60, `${erased}`);
      await page.waitForFunction(() => !document.getElementById("fill-in").disabled);
      await enter(page, "calls", "0");
      await says(page, "fill-status", "steps must be from 1 \\(one a stage\\) to 3072, not 0", () => click(page, "#fill-in"));
      await says(page, "fill-status", "no.png is no picture that this browser reads", () => page.setInputFiles("#own", none));
      await page.setViewportSize(DESKTOP);
    });

    test("the keyboard erases, and a drawn picture comes by a click", async () => {
      const { x, y } = await place(page, "#sheet");
      await page.mouse.click(x + 200, y + 100);
      assert.equal(await page.evaluate(() => document.getElementById("eraser").width), 32);
      await enter(page, "calls", "3");
      await enter(page, "brush", "1");
      await page.evaluate(() => document.getElementById("eraser").focus());
      for (const key of ["ArrowRight", " ", "ArrowDown", "Shift+ArrowDown", "Tab"]) await page.keyboard.press(key);
      const { erased } = await filled(page);
      assert.equal(erased, 2);
    });

    test("a worker says what a model cannot do", async () => {
      const found = await page.evaluate(async () => {
        const { loadInWorker } = await import("/src/remote.js");
        const worker = new Worker("/src/worker.js", { type: "module" });
        const pictures = await loadInWorker(worker, "/models/pictures", { ort: "/ort/ort.wasm.min.mjs" });
        const speech = await loadInWorker(worker, "/models/speech-digits", { ort: "/ort/ort.wasm.min.mjs" });
        const line = (promise) => promise.then(() => "", (error) => `${error.name}: ${error.message}`);
        const found = [
          [pictures.kind, pictures.labels, pictures.speakers, pictures.samplingRate ?? null], await line(speech.fill({})), await line(pictures.stream().next()),
          await line(pictures.generate({ label: "horse" })), await line(pictures.fill({ picture: { pixels: new Uint8Array(3), height: 1, width: 1 }, mask: [] })),
        ];
        worker.terminate();
        return found;
      });
      assert.deepEqual(found[0], ["image", [], [], null]);
      assert.deepEqual(found.slice(1, 4), [
        "InputError: speech-digits has no fill()", "InputError: pictures has no stream()", "InputError: pictures has no labels; leave the label out",
      ]);
      assert.match(found[4], /^InputError: pictures fills in a picture/);
    });

    test("every clip of the vectors, in the page's own thread", async (context) => {
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
      const found = made.flatMap((clips, i) => clips.map((clip, row) => difference(clip, floats(vectors.clips[i].clips[row]))));
      assert.ok(Math.max(...found) < 1e-3, `${found}`);
      context.diagnostic(`largest difference from Python: ${Math.max(...found)}`);
    });

    test("WebGPU makes the same values, and is refused where it cannot", { skip: name !== "chromium" && "needs an adapter" }, async () => {
      for (const file of ["ort.webgpu.min.mjs", "ort-wasm-simd-threaded.asyncify.mjs", "ort-wasm-simd-threaded.asyncify.wasm"]) {
        cpSync(join(ORT, file), join(folder, "ort", file));
      }
      const { bundles, made } = vectors.any_order;
      const { options: chosen, pixels } = made.find(({ model, call }) => model === "greys" && call === "generate");
      const found = await page.evaluate(async ([texts, { seed, ...rest }]) => {
        const { loadInWorker } = await import("/src/remote.js");
        const { load: open } = await import("/src/index.js");
        const runtime = await import("/ort/ort.webgpu.min.mjs");
        runtime.env.wasm.numThreads = 1;
        const files = Object.entries(texts).map(([file, text]) => [file, Uint8Array.from(atob(text), (c) => c.charCodeAt(0))]);
        const model = await open(Object.fromEntries(files), { ort: runtime, executionProviders: "webgpu" });
        const { pixels: drawn } = await model.generate({ ...rest, seed: BigInt(seed) });
        const worker = new Worker("/src/worker.js", { type: "module" });
        const remote = { ort: "/ort/ort.webgpu.min.mjs", executionProviders: "webgpu" };
        const refused = await loadInWorker(worker, "/models/speech-digits", remote).catch(({ name: kind, message }) => `${kind}: ${message}`);
        worker.terminate();
        return [[...drawn], refused];
      }, [bundles.greys, chosen]);
      assert.deepEqual(found[0], [...bytes(pixels)]);
      assert.match(found[1], /^BundleError: webgpu: decode\.onnx: ONNX Runtime refuses it.*; take wasm$/);
    });

    test("where no sound comes about a line says so", { skip: name !== "firefox" && "it takes seconds, and one browser is enough" }, async () => {
      await page.evaluate(() => {
        AudioContext.prototype.resume = () => new Promise(() => {});
        Object.defineProperty(AudioContext.prototype, "state", { value: "suspended", configurable: true });
      });
      await says(page, "speech-status", "this browser plays no sound: it has no output for it", () => click(page, "#words button", "zero"));
    });

    // The last one: there is no network behind it. It loads the page anew, which plays again.
    test("once it was here it works without a network", async () => {
      await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
      await page.waitForFunction(async () => (await (await caches.open("adr-page")).keys()).length > 20);
      server.close();
      server.closeAllConnections();
      await page.reload();
      await ready(page);
      assert.equal(await read(page, "text-status", "textContent"), "ready");
      await says(page, "speech-status", "real-time factor", () => click(page, "#words button", "three"));
    });
  });
}
