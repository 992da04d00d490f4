/** The browsers that the page is tested in: Debian's, or the programs that ADR_CHROMIUM and ADR_FIREFOX name. */
import { existsSync } from "node:fs";
import { chromium } from "playwright-core";
import { Firefox } from "./firefox.js";

// With WebGPU in software, which is otherwise not to be had without a GPU.
const ARGS = [
  "--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required", "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
];
const KNOWN = {
  chromium: { usual: "/usr/bin/chromium", launch: (executablePath) => chromium.launch({ executablePath, args: ARGS }) },
  firefox: { usual: "/usr/bin/firefox-esr", launch: (program) => Firefox.launch(program) },
};

/** Each with the reason why it cannot be tested in, or false: one that was named must be there. */
export const browsers = Object.entries(KNOWN).map(([name, { usual, launch }]) => {
  const named = process.env[`ADR_${name.toUpperCase()}`];
  const skip = !named && !existsSync(usual) && `needs ${usual} (see README.md)`;
  return { name, skip, launch: () => launch(named || usual) };
});
