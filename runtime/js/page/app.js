/** The page: four models in one worker, a player, a spectrogram, an eraser. */
import { Caption } from "./caption.js";
import { Eraser } from "./eraser.js";
import { Player } from "./src/player.js";
import { loadInWorker } from "./src/remote.js";
import { Spectrogram } from "./spectrogram.js";

/** Seconds of sound that are made ahead. */
const AHEAD = 0.4;
/** Tokens of a chunk of a text: fewer and larger calls are made in less time. */
const CHUNK = 4;
const SHEET = 9;
/** Pixels of a side of somebody's own picture: larger than what the model sees at once, in windows. */
const OWN = 64;
/** What lies in the eraser before anybody draws. */
const FIRST = { label: "ship", seed: 3 };

const at = (id) => document.getElementById(id);
const worker = new Worker(new URL("./src/worker.js", import.meta.url), { type: "module" });
const ort = new URL("./ort/ort.wasm.min.mjs", import.meta.url);
let speaking = Promise.resolve();
let endless = false;
/** What waits while the eraser's picture is made. */
const FILLING = ["fill-in", "undo", "another", "own"];
/** The pictures on the sheet. */
let drawn = null;

function tell(where, text, failed = false) {
  at(where).textContent = text;
  at(where).classList.toggle("error", failed);
}

async function loaded(name, bar) {
  const progress = at(bar);
  const onProgress = (done, total) => {
    progress.value = done / total;
  };
  const model = await loadInWorker(worker, new URL(`./models/${name}/`, import.meta.url), { ort, onProgress });
  progress.hidden = true;
  return model;
}

/** The speaker and the seed that were chosen, if any. */
function chosen(speaker, field) {
  const seed = at(field).value.trim();
  if (/\D/.test(seed)) throw new Error(`seed must be a whole number, not ${seed}`);
  return {
    ...(at(speaker).value ? { speaker: at(speaker).value } : {}),
    // Above 2^53 a seed is a BigInt.
    ...(seed ? { seed: Number.isSafeInteger(Number(seed)) ? Number(seed) : BigInt(seed) } : {}),
  };
}

/** Plays a stream to its end, or until `going` says no; tells how fast it is made, and `heard` what is made and the player. */
async function play(model, open, status, going, heard) {
  const stream = open();
  const player = new Player(model.samplingRate);
  let [first, busy, samples] = [0, 0, 0];
  try {
    await player.start();
    const begun = performance.now();
    while (going()) {
      const asked = performance.now();
      const { done, value } = await stream.next();
      if (done) break;
      busy += performance.now() - asked;
      first ||= performance.now() - begun;
      samples += value.audio.length;
      player.add(value.audio);
      heard(value, player);
      dispatchEvent(new CustomEvent("samples", { detail: value.audio }));
      const factor = busy / 1000 / (samples / model.samplingRate);
      tell(status, `first sound after ${first.toFixed(0)} ms; real-time factor ${factor.toFixed(3)}`);
      await player.drained(AHEAD);
    }
    await player.drained();
  } finally {
    await stream.release();
    await player.stop();
  }
}

/** One after the other: what is asked for while something else is heard waits for it. */
function say(model, open, status, going, heard) {
  speaking = speaking.then(() => play(model, open, status, going, heard)).catch((error) => tell(status, error.message, true));
  return speaking;
}

async function speech() {
  const model = await loaded("speech-digits", "speech-progress");
  const words = (wanted, going) => {
    const spectrogram = new Spectrogram(at("spectrogram"), model.samplingRate);
    const open = () => model.stream({ ...wanted, steps: Number(at("steps").value), ...chosen("speaker", "seed") });
    return say(model, open, "speech-status", going, ({ audio }) => spectrogram.add(audio));
  };
  for (const word of model.labels) {
    const button = Object.assign(document.createElement("button"), { textContent: word });
    button.onclick = () => {
      endless = false;
      return words({ playlist: [word], pause: 0.1 }, () => true);
    };
    at("words").append(button);
  }
  for (const speaker of model.speakers) at("speaker").append(new Option(speaker));
  at("endless").onclick = () => {
    endless = !endless;
    at("endless").setAttribute("aria-pressed", String(endless));
    if (!endless) return undefined;
    return words({ playlist: model.labels, cycle: true }, () => endless)
      .then(() => at("endless").setAttribute("aria-pressed", "false"));
  };
  tell("speech-status", "ready");
}

/** Text that is typed; a model that speaks none has no use for a place to type it. */
async function text() {
  const model = await loaded("voice", "text-progress");
  if (!model.speaks) {
    at("text").parentElement.hidden = true;
    return;
  }
  for (const speaker of model.speakers) at("reader").append(new Option(speaker));
  /** What is being read; a second click stops it. */
  let current = null;
  const turn = (run) => {
    current = run;
    at("read").textContent = run ? "stop" : "say it";
    at("read").setAttribute("aria-pressed", String(Boolean(run)));
    return new Caption(at("said"));
  };
  at("read").onclick = async () => {
    const run = current ? null : {};
    const caption = turn(run);
    if (!run) return;
    endless = false;
    const going = () => current === run;
    const follow = (player) => {
      if (!going()) return;
      caption.at(player.played / player.samplingRate);
      requestAnimationFrame(() => follow(player));
    };
    const open = () => model.speak(at("written").value, {
      speed: Number(at("speed").value), chunkTokens: CHUNK, ...chosen("reader", "text-seed"),
    });
    let followed = false;
    await say(model, open, "text-status", going, ({ words }, player) => {
      caption.add(words);
      if (!followed) follow(player);
      followed = true;
    });
    if (going()) turn(null);
  };
  at("read").disabled = false;
  tell("text-status", "ready");
}

function show(images) {
  drawn = images;
  const columns = Math.ceil(Math.sqrt(images.count));
  const scale = Math.max(1, Math.floor(96 / images.height));
  const canvas = at("sheet");
  const [right, down] = [images.width + 1, images.height + 1];
  canvas.width = columns * right;
  canvas.height = Math.ceil(images.count / columns) * down;
  canvas.style.width = `${canvas.width * scale}px`;
  const context = canvas.getContext("2d");
  for (let i = 0; i < images.count; i += 1) {
    const data = new ImageData(images.rgba(i), images.width);
    context.putImageData(data, (i % columns) * right, Math.floor(i / columns) * down);
  }
}

async function pictures() {
  const model = await loaded("cifar10", "pictures-progress");
  for (const label of model.labels) at("label").append(new Option(label));
  at("guidance").placeholder = [model.manifest.defaults.guidance].flat().join(" : ");
  at("draw").onclick = async () => {
    at("draw").disabled = true;
    const begun = performance.now();
    // Left empty, it is the model's own.
    const guidance = at("guidance").value === "" ? {} : { guidance: Number(at("guidance").value) };
    const options = { label: at("label").value, count: SHEET, ...guidance };
    const stream = model.stream(options);
    try {
      for await (const images of stream) show(images);
      tell("pictures-status", `${SHEET} pictures in ${((performance.now() - begun) / 1000).toFixed(2)} s`);
    } catch (error) {
      tell("pictures-status", error.message, true);
    } finally {
      await stream.release();
    }
    at("draw").disabled = false;
  };
  tell("pictures-status", "ready");
  return model;
}

/** The middle of somebody's picture, small, in colour. */
async function own(file) {
  const whole = await createImageBitmap(file).catch(() => { throw new Error(`${file.name} is no picture that this browser reads`); });
  const side = Math.min(whole.width, whole.height);
  const [left, top] = [(whole.width - side) / 2, (whole.height - side) / 2];
  const small = await createImageBitmap(whole, left, top, side, side, { resizeWidth: OWN, resizeHeight: OWN, resizeQuality: "high" });
  const context = new OffscreenCanvas(OWN, OWN).getContext("2d");
  context.fillStyle = "white";
  context.fillRect(0, 0, OWN, OWN);
  context.drawImage(small, 0, 0);
  const { data } = context.getImageData(0, 0, OWN, OWN);
  return { pixels: data.filter((_, i) => i % 4 < 3), height: OWN, width: OWN };
}

/** Erasing and filling in; `painter` makes pictures to erase from. */
async function filling(painter) {
  const model = await loaded("pictures", "fill-progress");
  const eraser = new Eraser(at("eraser"), () => Number(at("brush").value), () => {
    at("fill-in").disabled = !eraser.erased;
  });
  /** One thing at a time, and a line where it fails. */
  const doing = (what, act) => async () => {
    for (const id of FILLING) at(id).disabled = true;
    tell("fill-status", what);
    const begun = performance.now();
    try {
      tell("fill-status", (await act()) ?? `ready in ${((performance.now() - begun) / 1000).toFixed(2)} s`);
    } catch (error) {
      tell("fill-status", error.message, true);
    }
    for (const id of FILLING) at(id).disabled = false;
    at("fill-in").disabled = !eraser.erased;
  };
  const paint = (options) => doing("drawing …", async () => eraser.begin(await painter.generate({ count: 1, ...options })));
  at("fill-in").onclick = doing("filling in …", async () => {
    const { picture, mask } = eraser;
    const { pixels, seed } = await model.fill({ picture, mask, steps: Number(at("calls").value) });
    eraser.answered(pixels);
    dispatchEvent(new CustomEvent("filled", { detail: { picture, mask, pixels, seed } }));
  });
  at("undo").onclick = () => eraser.undo();
  at("another").onclick = () => paint({ label: at("label").value })();
  at("own").onchange = () => doing("reading …", async () => eraser.begin(await own(at("own").files[0])))();
  at("sheet").onclick = ({ offsetX, offsetY }) => {
    if (!drawn) return;
    const { clientWidth, clientHeight, width, height } = at("sheet");
    const columns = Math.round(width / (drawn.width + 1));
    const index = Math.floor(((offsetY / clientHeight) * height) / (drawn.height + 1)) * columns
      + Math.floor(((offsetX / clientWidth) * width) / (drawn.width + 1));
    const size = drawn.height * drawn.width * drawn.channels;
    if (index < drawn.count) eraser.begin({ ...drawn, pixels: drawn.pixels.slice(index * size, (index + 1) * size) });
  };
  await paint(FIRST)();
  tell("fill-status", "ready");
}

/** Without it there is the rest of the page. */
const readAloud = () => text().catch((error) => tell("text-status", error.message, true));

speech().then(readAloud).then(pictures).then(filling).catch((error) => tell("speech-status", error.message, true));
navigator.serviceWorker?.register("./offline.js").catch(() => {});
