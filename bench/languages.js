/**
 * The JavaScript of languages.py: node bench/languages.js native|wasm|chromium|firefox BUNDLE TOKENS
 *
 * Says {} when it is there, in a browser with an empty page, then answers each line of standard input with a line of JSON:
 * load, time, or settings and a state as JSON.
 */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { createInterface } from "node:readline";
import { made, timed } from "./languages_model.js";

const MODULES = { native: "onnxruntime-node", wasm: "onnxruntime-web" };
const PAGE = `<!doctype html><script type="module">
  import { loadInWorker } from "./src/remote.js";
  import { made, timed } from "./languages_model.js";
  const worker = new Worker("./src/worker.js", { type: "module" });
  const model = await loadInWorker(worker, "./models/NAME/", { ort: "./ort/ort.wasm.min.mjs" });
  Object.assign(globalThis, { made, timed, model, loaded: performance.now() });
</script>`;

/** Models in this process. */
function inNode(name, bundle) {
  const require = createRequire(new URL("../runtime/js/package.json", import.meta.url));
  let model;
  return {
    async load() {
      const { load } = await import("../runtime/js/src/index.js");
      const ort = require(name);
      // Threads of WebAssembly are chosen before the first session.
      ort.env.wasm.numThreads = 1;
      model = await load(bundle, { ort });
      return {};
    },
    time: (tokens) => timed(model, tokens),
    made: (settings, state) => made(model, settings, state),
    close() {},
  };
}

/** Models in a worker of a page. What this takes to load, Node.js alone does not need. */
async function inBrowser(name, bundle) {
  const { build, serve } = await import("../runtime/js/page/build.js");
  const { browsers } = await import("../runtime/js/test/browsers.js");
  const { skip, launch } = browsers.find((browser) => browser.name === name);
  if (skip) throw new Error(skip);
  const folder = mkdtempSync(join(tmpdir(), "adr-languages-"));
  build(folder);
  cpSync(new URL("languages_model.js", import.meta.url), join(folder, "languages_model.js"));
  writeFileSync(join(folder, "languages.html"), PAGE.replace("NAME", basename(bundle)));
  const [server, browser] = [await serve(folder, 0), await launch()];
  const page = await browser.newPage();
  page.on("pageerror", (error) => { throw error; });
  return {
    async load() {
      await page.goto(`http://127.0.0.1:${server.address().port}/languages.html`);
      await page.waitForFunction(() => globalThis.loaded);
      return { start: await page.evaluate(() => globalThis.loaded) };
    },
    time: (tokens) => page.evaluate((count) => globalThis.timed(globalThis.model, count), tokens),
    made: (settings, state) =>
      page.evaluate(([wanted, given]) => globalThis.made(globalThis.model, wanted, given), [settings, state]),
    async close() {
      await browser.close();
      server.close();
      rmSync(folder, { recursive: true });
    },
  };
}

const [where, bundle, tokens] = process.argv.slice(2);
const language = where in MODULES ? inNode(MODULES[where], bundle) : await inBrowser(where, bundle);
const tell = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
tell({});
for await (const line of createInterface({ input: process.stdin })) {
  if (line === "load") tell(await language.load());
  else if (line === "time") tell(await language.time(Number(tokens)));
  else tell(await language.made(...JSON.parse(line)));
}
await language.close();
