/**
 * Firefox by WebDriver BiDi: as much of it as the tests of the page take, by Playwright's names. Playwright itself drives
 * Firefoxes that are newer than Debian's.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Sound without a click; nothing but the page is fetched. */
const PREFERENCES = {
  "media.autoplay.default": 0, "network.captive-portal-service.enabled": false, "network.connectivity-service.enabled": false,
  "datareporting.policy.dataSubmissionEnabled": false, "browser.shell.checkDefaultBrowser": false,
};
/** Keys that have names, as WebDriver has them. */
const KEYS = { Enter: "\ue006", Tab: "\ue004", Shift: "\ue008", ArrowLeft: "\ue012", ArrowUp: "\ue013", ArrowRight: "\ue014", ArrowDown: "\ue015" };

export class Firefox {
  /** @param {string} program */
  static async launch(program) {
    // Node.js has them from version 22 on, and before by this option.
    if (typeof WebSocket === "undefined") throw new Error("Firefox takes WebSockets: run npm test, or node --experimental-websocket");
    const firefox = new Firefox();
    firefox.profile = mkdtempSync(join(tmpdir(), "adr-firefox-"));
    const lines = Object.entries(PREFERENCES).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`);
    writeFileSync(join(firefox.profile, "user.js"), lines.join(""));
    const sound = soundServer(firefox.profile);
    const args = ["--headless", "--no-remote", "--profile", firefox.profile, "--remote-debugging-port=0"];
    const env = { ...process.env, PULSE_SERVER: `unix:${firefox.profile}/pulse/native` };
    firefox.process = spawn(program, args, { env, stdio: ["ignore", "ignore", "pipe"] });
    firefox.ended = new Promise((resolve) => firefox.process.on("close", resolve)).then(() => sound.kill());
    await firefox.connect(await address(firefox.process));
    await firefox.send("session.new", { capabilities: {} });
    await firefox.send("session.subscribe", { events: ["log.entryAdded"] });
    return firefox;
  }

  /** @param {string} url */
  async connect(url) {
    this.calls = 0;
    this.waiting = new Map();
    this.listeners = new Map();
    this.socket = new WebSocket(`${url}/session`);
    this.socket.onmessage = ({ data }) => this.received(JSON.parse(data));
    this.socket.onclose = () => this.waiting.forEach(({ reject }) => reject(new Error("Firefox has ended")));
    await new Promise((resolve, reject) => Object.assign(this.socket, { onopen: resolve, onerror: reject }));
  }

  received({ id, type, error, message, result, params }) {
    if (type === "event") {
      if (params.type === "javascript" && params.level === "error") this.listeners.get(params.source.context)?.(new Error(params.text));
      return;
    }
    const { resolve, reject } = this.waiting.get(id);
    this.waiting.delete(id);
    if (type === "error") reject(new Error(`${error}: ${message}`));
    else resolve(result);
  }

  send(method, params) {
    // What is sent behind the end would be waited for without one.
    if (this.socket.readyState !== WebSocket.OPEN) return Promise.reject(new Error("Firefox has ended"));
    const id = (this.calls += 1);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.socket.send(JSON.stringify({ id, method, params }));
    });
  }

  /** A page with cookies and caches of its own. */
  async newPage({ viewport = { width: 1280, height: 720 } } = {}) {
    const { userContext } = await this.send("browser.createUserContext", {});
    const { context } = await this.send("browsingContext.create", { type: "tab", userContext });
    const page = new Page(this, context);
    await page.setViewportSize(viewport);
    return page;
  }

  async close() {
    await this.send("browser.close", {});
    await this.ended;
    rmSync(this.profile, { recursive: true, maxRetries: 9 });
  }
}

/** Firefox plays nothing where there is nothing to hear it with: a server of sound whose output goes nowhere, in real time. */
function soundServer(folder) {
  const args = ["-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", "-L", "module-null-sink", "-L", "module-native-protocol-unix"];
  return spawn("pulseaudio", args, { env: { ...process.env, HOME: folder, XDG_RUNTIME_DIR: folder }, stdio: "ignore" });
}

/** Where Firefox listens, which it tells on standard error. */
async function address({ stderr }) {
  let told = "";
  for await (const line of createInterface({ input: stderr })) {
    const found = /WebDriver BiDi listening on (.*)/.exec(line);
    if (found) {
      stderr.resume();
      return found[1];
    }
    told += `${line}\n`;
  }
  throw new Error(`Firefox does not start: ${told}`);
}

class Page {
  /** @param {Firefox} firefox @param {string} context */
  constructor(firefox, context) {
    this.firefox = firefox;
    this.context = context;
    this.keyboard = { press: (keys) => this.press(keys) };
    this.mouse = {
      move: (x, y, { steps = 1 } = {}) => this.moved("mouse", x, y, steps),
      down: () => this.pointed("mouse", { type: "pointerDown", button: 0 }), up: () => this.pointed("mouse", { type: "pointerUp", button: 0 }),
      click: (x, y) => this.clicked("mouse", x, y),
    };
    this.touchscreen = { tap: (x, y) => this.clicked("touch", x, y) };
  }

  send(method, params) {
    return this.firefox.send(method, { context: this.context, ...params });
  }

  /** Errors that no script of the page catches. */
  on(_, listener) {
    this.firefox.listeners.set(this.context, listener);
  }

  goto(url) {
    return this.send("browsingContext.navigate", { url, wait: "complete" });
  }

  reload() {
    return this.send("browsingContext.reload", { wait: "complete" });
  }

  setViewportSize(viewport) {
    return this.send("browsingContext.setViewport", { viewport });
  }

  /** What a function makes of an argument there; both go as JSON. */
  async evaluate(made, argument = null) {
    const { type, result, exceptionDetails } = await this.firefox.send("script.callFunction", {
      target: { context: this.context }, awaitPromise: true,
      functionDeclaration: `async (text) => JSON.stringify((await (${made})(JSON.parse(text))) ?? null)`,
      arguments: [{ type: "string", value: JSON.stringify(argument) }],
    });
    if (type === "exception") throw new Error(exceptionDetails.text);
    return JSON.parse(result.value);
  }

  async waitForFunction(made, argument) {
    while (!(await this.evaluate(made, argument))) await new Promise((resolve) => setTimeout(resolve, 50));
  }

  /** A picture is in base64 on the way. */
  async screenshot({ clip } = {}) {
    const { data } = await this.send("browsingContext.captureScreenshot", clip ? { clip: { type: "box", ...clip } } : {});
    return Buffer.from(data, "base64");
  }

  async setInputFiles(selector, path) {
    const { result } = await this.firefox.send("script.evaluate", {
      target: { context: this.context }, awaitPromise: false, expression: `document.querySelector(${JSON.stringify(selector)})`,
    });
    await this.send("input.setFiles", { element: { sharedId: result.sharedId }, files: [path] });
  }

  /** A key, or several with + between them. */
  press(keys) {
    const values = keys.split("+").map((key) => KEYS[key] ?? key);
    const actions = [...values.map((value) => ({ type: "keyDown", value })), ...values.reverse().map((value) => ({ type: "keyUp", value }))];
    return this.send("input.performActions", { actions: [{ type: "key", id: "keyboard", actions }] });
  }

  pointed(pointerType, ...actions) {
    return this.send("input.performActions", { actions: [{ type: "pointer", id: pointerType, parameters: { pointerType }, actions }] });
  }

  async moved(pointerType, x, y, steps = 1) {
    const [fromX, fromY] = this.place ?? [0, 0];
    this.place = [x, y];
    const between = (a, b, i) => Math.round(a + ((b - a) * i) / steps);
    const moves = Array.from({ length: steps }, (_, i) => ({ type: "pointerMove", x: between(fromX, x, i + 1), y: between(fromY, y, i + 1) }));
    await this.pointed(pointerType, ...moves);
  }

  clicked(pointerType, x, y) {
    const move = { type: "pointerMove", x: Math.round(x), y: Math.round(y) };
    return this.pointed(pointerType, move, { type: "pointerDown", button: 0 }, { type: "pointerUp", button: 0 });
  }
}
