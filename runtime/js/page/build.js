/** The page as a folder of static files, for any web host: node page/build.js FOLDER [--serve [PORT]] */
import { cpSync, createReadStream, existsSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, extname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const ORT = dirname(fileURLToPath(import.meta.resolve("onnxruntime-web")));
const MODELS = ["speech-digits", "voice", "cifar10", "pictures"];
/** The graphs of prompts, and of recordings, are not for this page. */
const LEFT_OUT = ["parallel.onnx", "encode.onnx", "align.onnx"];
const TYPES = { ".html": "text/html", ".js": "text/javascript", ".mjs": "text/javascript", ".json": "application/json", ".wasm": "application/wasm" };

/** @param {string} out */
export function build(out) {
  mkdirSync(out, { recursive: true });
  for (const file of ["index.html", "app.js", "caption.js", "eraser.js", "spectrogram.js", "offline.js"]) cpSync(join(HERE, file), join(out, file));
  cpSync(join(HERE, "..", "src"), join(out, "src"), { recursive: true });
  for (const file of ["ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"]) {
    cpSync(join(ORT, file), join(out, "ort", file));
  }
  for (const model of MODELS) {
    const folder = join(HERE, "..", "..", "adr_runtime", "bundles", "shipped", model);
    cpSync(folder, join(out, "models", model), { recursive: true, filter: (path) => !LEFT_OUT.some((name) => path.endsWith(name)) });
  }
  // Graphs and the dictionary are kept by the runtime itself.
  const files = readdirSync(out, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
  const names = files.map((file) => relative(out, join(file.parentPath ?? file.path, file.name)).replaceAll("\\", "/"));
  writeFileSync(join(out, "files.json"), JSON.stringify(["./", ...names.filter((name) => !/\.onnx$|\.xz$|\.licence$|\.md$|vectors\.json$|^files\.json$/.test(name))]));
}

/**
 * @param {string} folder
 * @param {number} port 0 for any that is free
 * @returns {Promise<import("node:http").Server>}
 */
export function serve(folder, port) {
  const server = createServer((request, response) => {
    let path;
    try {
      path = normalize(decodeURIComponent(new URL(request.url, "http://x").pathname));
    } catch {
      return response.writeHead(400).end();
    }
    const file = join(folder, path.endsWith("/") ? `${path}index.html` : path);
    if (!existsSync(file) || !statSync(file).isFile()) return response.writeHead(404).end();
    response.writeHead(200, { "content-type": TYPES[extname(file)] ?? "application/octet-stream", "cache-control": "no-cache" });
    return createReadStream(file).on("error", () => response.destroy()).pipe(response);
  });
  return new Promise((resolve) => server.listen(port, "127.0.0.1", () => resolve(server)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [out, flag, port] = process.argv.slice(2);
  if (!out) {
    console.error("give a folder for the page: node page/build.js FOLDER [--serve [PORT]]");
    process.exit(2);
  }
  build(out);
  if (flag === "--serve") {
    const server = await serve(out, Number(port ?? 8000));
    console.log(`http://localhost:${server.address().port}/ (Ctrl-C ends it)`);
  }
}
