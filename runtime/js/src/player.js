/** Plays what a stream makes, without gaps as long as it is made in time. */
import { ADRError } from "./errors.js";

/** Milliseconds after which a browser that has not begun to play is given up. */
const PATIENCE = 5000;

/** What runs in the audio thread: a queue of samples. */
const PROCESSOR = `
registerProcessor("adr-player", class extends AudioWorkletProcessor {
  constructor() {
    super();
    this.queue = [];
    this.at = 0;
    this.played = 0;
    this.port.onmessage = ({ data }) => {
      if (data) this.queue.push(data);
      else { this.queue = []; this.at = 0; }
    };
  }
  process(_, [[output]]) {
    let filled = 0;
    while (filled < output.length && this.queue.length) {
      const part = this.queue[0].subarray(this.at, this.at + output.length - filled);
      output.set(part, filled);
      filled += part.length;
      this.at += part.length;
      if (this.at === this.queue[0].length) { this.queue.shift(); this.at = 0; }
    }
    this.played += filled;
    this.port.postMessage(this.played);
    return true;
  }
});`;

export class Player {
  /** @param {number} samplingRate Hz */
  constructor(samplingRate) {
    this.samplingRate = samplingRate;
    this.sent = 0;
    /** Samples that have gone to the output. */
    this.played = 0;
    /** @type {AudioWorkletNode | null} */
    this.node = null;
  }

  /** Browsers allow sound only when this is called from a click or a key; an ADRError where there is none. */
  async start() {
    const context = new AudioContext({ sampleRate: this.samplingRate });
    this.context = /** @type {AudioContext | undefined} */ (context);
    const url = URL.createObjectURL(new Blob([PROCESSOR], { type: "text/javascript" }));
    await context.audioWorklet.addModule(url);
    URL.revokeObjectURL(url);
    this.node = new AudioWorkletNode(context, "adr-player", { numberOfInputs: 0, outputChannelCount: [1] });
    this.node.port.onmessage = ({ data }) => {
      this.played = data;
    };
    this.node.connect(context.destination);
    // Without a device, or before a click, it is not refused: it does not come about.
    const late = new Promise((resolve) => setTimeout(resolve, PATIENCE));
    await Promise.race([context.resume(), late]);
    if (context.state === "running") return;
    await this.stop();
    throw new ADRError("this browser plays no sound: it has no output for it, or there was no click yet");
  }

  /** @param {Float32Array} samples */
  add(samples) {
    this.sent += samples.length;
    this.node?.port.postMessage(samples.slice());
  }

  /** Seconds that are still to be heard. */
  get buffered() {
    return (this.sent - this.played) / this.samplingRate;
  }

  /** Wait until no more than so many seconds are still to be heard. @param {number} seconds */
  async drained(seconds = 0) {
    while (this.buffered > seconds) await new Promise((resolve) => setTimeout(resolve, 20));
  }

  /** May be called again. */
  async stop() {
    this.node?.port.postMessage(null);
    const { context } = this;
    [this.node, this.context] = [null, undefined];
    await context?.close();
  }
}
