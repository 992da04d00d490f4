/** For the tests of `adr-run demo`: has the page at an address say a word, in Chromium, and prints what it tells. */
import { chromium } from "playwright-core";

const [address] = process.argv.slice(2);
const executablePath = process.env.ADR_CHROMIUM ?? "/usr/bin/chromium";
const args = ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required"];
const browser = await chromium.launch({ executablePath, args });
try {
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  const failed = new Promise((_, reject) => page.on("pageerror", reject));
  const heard = (async () => {
    await page.goto(address);
    await page.waitForFunction(() => document.getElementById("pictures-status").textContent === "ready");
    await page.evaluate(() => {
      globalThis.heard = [];
      addEventListener("samples", ({ detail }) => globalThis.heard.push(...detail));
    });
    await page.fill("#seed", "5");
    await page.locator("#words button", { hasText: "seven" }).click();
    await page.waitForFunction(() => /real-time factor/.test(document.getElementById("speech-status").textContent));
    await page.evaluate(() => navigator.serviceWorker.ready);
    return page.evaluate(() => globalThis.heard);
  })();
  console.log(JSON.stringify(await Promise.race([heard, failed])));
} finally {
  await browser.close();
}
