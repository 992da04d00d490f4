/** A picture of sound that grows from left to right, and begins again at the left. */

const WINDOW = 256;
const HOP = 64;
const DECIBELS = 70;

export class Spectrogram {
  /** @param {HTMLCanvasElement} canvas @param {number} samplingRate */
  constructor(canvas, samplingRate) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
    this.context.clearRect(0, 0, canvas.width, canvas.height);
    this.rest = new Float32Array(0);
    this.x = 0;
    this.highest = Math.min(4000 / samplingRate, 0.5);
    this.hann = Float32Array.from({ length: WINDOW }, (_, i) => 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / WINDOW));
  }

  /** @param {Float32Array} samples */
  add(samples) {
    const all = new Float32Array(this.rest.length + samples.length);
    all.set(this.rest);
    all.set(samples, this.rest.length);
    let start = 0;
    for (; start + WINDOW <= all.length; start += HOP) this.column(all.subarray(start, start + WINDOW));
    this.rest = all.slice(start);
  }

  /** The spectrum of a window, one line of pixels; a plain sum, for windows are short. */
  column(window) {
    const { width, height } = this.canvas;
    const image = this.context.createImageData(1, height);
    for (let y = 0; y < height; y += 1) {
      const frequency = 2 * Math.PI * this.highest * (1 - y / height);
      let [real, imaginary] = [0, 0];
      for (let i = 0; i < WINDOW; i += 1) {
        real += window[i] * this.hann[i] * Math.cos(frequency * i);
        imaginary += window[i] * this.hann[i] * Math.sin(frequency * i);
      }
      const level = Math.min(Math.max((10 * Math.log10(real * real + imaginary * imaginary + 1e-9) - 25 + DECIBELS) / DECIBELS, 0), 1);
      image.data.set([255 * Math.min(1, 1.6 * level), 255 * level ** 2, 255 * (0.25 + 0.5 * level - 0.6 * level ** 3), 255], y * 4);
    }
    this.context.putImageData(image, this.x, 0);
    this.x = (this.x + 1) % width;
  }
}
