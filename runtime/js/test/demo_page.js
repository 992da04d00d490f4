/** For the tests of `adr-run demo`: has the page at an address say a word, in a browser by its name, and prints what it tells. */
import { browsers } from "./browsers.js";

const [address, name] = process.argv.slice(2);
const browser = await browsers.find((one) => one.name === name).launch();
try {
  const page = await browser.newPage();
  page.setDefaultTimeout?.(0);
  const failed = new Promise((_, reject) => page.on("pageerror", reject));
  const heard = (async () => {
    await page.goto(address);
    await page.waitForFunction(() => document.getElementById("pictures-status").textContent === "ready");
    await page.evaluate(() => {
      globalThis.heard = [];
      addEventListener("samples", ({ detail }) => globalThis.heard.push(...detail));
      document.getElementById("seed").value = "5";
      [...document.querySelectorAll("#words button")].find((button) => button.textContent === "seven").click();
    });
    await page.waitForFunction(() => /real-time factor/.test(document.getElementById("speech-status").textContent));
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
    return page.evaluate(() => globalThis.heard);
  })();
  console.log(JSON.stringify(await Promise.race([heard, failed])));
} finally {
  await browser.close();
}
