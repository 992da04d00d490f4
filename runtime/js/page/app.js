/** The page: two models in one worker, a player, a spectrogram. */
import { Player } from "./src/player.js";
import { loadInWorker } from "./src/remote.js";
import { Spectrogram } from "./spectrogram.js";

/** Seconds of sound that are made ahead. */
const AHEAD = 0.4;
const SHEET = 9;

const at = (id) => document.getElementById(id);
const worker = new Worker(new URL("./src/worker.js", import.meta.url), { type: "module" });
const ort = new URL("./ort/ort.wasm.min.mjs", import.meta.url);
let speaking = Promise.resolve();
let endless = false;

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

function choices() {
  const seed = at("seed").value.trim();
  if (/\D/.test(seed)) throw new Error(`seed must be a whole number, not ${seed}`);
  return {
    steps: Number(at("steps").value), ...(at("speaker").value ? { speaker: at("speaker").value } : {}),
    // Above 2^53 a seed is a BigInt.
    ...(seed ? { seed: Number.isSafeInteger(Number(seed)) ? Number(seed) : BigInt(seed) } : {}),
  };
}

/** Plays a stream to its end, or until `going` says no; tells how fast it is made. */
async function play(model, wanted, going) {
  const options = { ...wanted, ...choices() };
  const player = new Player(model.samplingRate);
  const spectrogram = new Spectrogram(at("spectrogram"), model.samplingRate);
  await player.start();
  const begun = performance.now();
  let [first, busy, samples] = [0, 0, 0];
  const stream = model.stream(options);
  try {
    while (going()) {
      const asked = performance.now();
      const { done, value } = await stream.next();
      if (done) break;
      busy += performance.now() - asked;
      first ||= performance.now() - begun;
      samples += value.audio.length;
      player.add(value.audio);
      spectrogram.add(value.audio);
      dispatchEvent(new CustomEvent("samples", { detail: value.audio }));
      const factor = busy / 1000 / (samples / model.samplingRate);
      tell("speech-status", `first sound after ${first.toFixed(0)} ms; real-time factor ${factor.toFixed(3)}`);
      await player.drained(AHEAD);
    }
    await player.drained();
  } finally {
    await stream.release();
    await player.stop();
  }
}

/** One after the other: a word that is asked for while another is heard waits for it. */
function say(model, options, going) {
  speaking = speaking.then(() => play(model, options, going)).catch((error) => tell("speech-status", error.message, true));
  return speaking;
}

async function speech() {
  const model = await loaded("speech-digits", "speech-progress");
  for (const word of model.labels) {
    const button = Object.assign(document.createElement("button"), { textContent: word });
    button.onclick = () => {
      endless = false;
      return say(model, { playlist: [word], pause: 0.1 }, () => true);
    };
    at("words").append(button);
  }
  for (const speaker of model.speakers) at("speaker").append(new Option(speaker));
  at("endless").onclick = () => {
    endless = !endless;
    at("endless").setAttribute("aria-pressed", String(endless));
    if (!endless) return undefined;
    return say(model, { playlist: model.labels, cycle: true }, () => endless)
      .then(() => at("endless").setAttribute("aria-pressed", "false"));
  };
  tell("speech-status", "ready");
}

function show(images) {
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
  at("guidance").value = model.manifest.defaults.guidance;
  at("draw").onclick = async () => {
    at("draw").disabled = true;
    const begun = performance.now();
    const options = { label: at("label").value, guidance: Number(at("guidance").value), count: SHEET };
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
}

speech().then(pictures).catch((error) => tell("speech-status", error.message, true));
navigator.serviceWorker?.register("./offline.js").catch(() => {});
