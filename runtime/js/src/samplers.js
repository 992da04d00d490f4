/**
 * Samplers as tables: one row of coefficients for each denoising step, which the head graph runs.
 *
 *     x0 = clamp(P x + Q prediction)
 *     x  = A x + B x0 + C x0_before + S exp(R f) noise       columns P, Q, A, B, C, S, R; f is the learned variance
 *
 * `ddpm`: Ho et al. 2020 (arXiv 2006.11239, algorithm 2) on a respaced schedule; `ddim`: Song et al. 2021 (arXiv
 * 2010.02502, equation 12) with eta = 0; `dpm++`: DPM-Solver++(2M), Lu et al. 2022 (arXiv 2211.01095, algorithm 2), the
 * first and the last step first-order. Arithmetic is float64, the table float32.
 */
import { InputError } from "./errors.js";

const TINY = 1e-20;
export const SAMPLERS = ["ddpm", "ddim", "dpm++"];
export const COLUMNS = 7;

/**
 * The nearest whole number, the even one of two as near.
 * @param {number} x
 */
export function roundEven(x) {
  const below = Math.floor(x);
  const rest = x - below;
  if (rest !== 0.5) return rest < 0.5 ? below : below + 1;
  return below % 2 === 0 ? below : below + 1;
}

/**
 * K of T timesteps, T (i / K)^spacing for i = K to 1, less 1: the noisiest first.
 * @param {number} timesteps
 * @param {number} steps
 * @param {number} spacing
 * @returns {number[]}
 */
export function respace(timesteps, steps, spacing) {
  if (!(Number.isInteger(steps) && steps >= 1 && steps <= timesteps)) {
    throw new InputError(`steps must be from 1 to ${timesteps}, not ${steps}`);
  }
  return Array.from({ length: steps }, (_, i) => {
    if (spacing === 1) return roundEven(timesteps - i * (timesteps / steps)) - 1;
    const left = steps - i;
    const spaced = Math.floor(roundEven(timesteps * (left / steps) ** spacing * 1e6) / 1e6 + 0.5);
    return Math.max(spaced, left) - 1;
  });
}

/**
 * Timesteps (K) and the table float32 (K, 7). The temperature scales the noise of ddpm's steps.
 * @param {import("./manifest.js").Schedule} schedule
 * @param {string} sampler
 * @param {number} steps
 * @param {number} temperature
 * @param {number} spacing
 * @returns {{timesteps: number[], table: Float32Array}}
 */
export function coefficients(schedule, sampler, steps, temperature, spacing) {
  const timesteps = respace(schedule.betas.length, steps, spacing);
  let product = 1;
  const all = schedule.betas.map((beta) => (product *= 1 - beta));
  const alphaBar = timesteps.map((t) => all[t]);
  const update = /** @type {Record<string, (a: number[]) => number[][]>} */ ({ ddpm, ddim, "dpm++": dpmpp })[sampler];
  if (!update) throw new InputError(`unknown sampler '${sampler}'; there are ${SAMPLERS.join(", ")}`);
  const table = new Float32Array(steps * COLUMNS);
  update(alphaBar).forEach(([a, b, c, s, r], i) => {
    const [signal, noise] = [Math.sqrt(alphaBar[i]), Math.sqrt(1 - alphaBar[i])];
    const toX0 = schedule.prediction === "epsilon" ? [1 / signal, -noise / signal] : [signal, -noise];
    table.set([...toX0, a, b, c, s * temperature, schedule.learned_variance ? r : 0], i * COLUMNS);
  });
  return { timesteps, table };
}

/**
 * What the initial noise is multiplied by: a sampler without noise of its own takes its temperature there.
 * @param {string} sampler
 * @param {number} temperature
 */
export function initialScale(sampler, temperature) {
  return sampler === "ddpm" ? 1 : temperature;
}

/** @param {number[]} alphaBar @returns {number[]} alpha_bar after each step */
const after = (alphaBar) => [...alphaBar.slice(1), 1];

/** @param {number[]} alphaBar @returns {number[][]} rows (A, B, C, S, R) */
function ddpm(alphaBar) {
  const before = after(alphaBar);
  return alphaBar.map((bar, i) => {
    if (i === alphaBar.length - 1) return [0, 1, 0, 0, 0];
    const beta = Math.min(Math.max(1 - bar / before[i], 0), 1);
    const left = Math.max(1 - bar, TINY);
    const variance = (beta * (1 - before[i])) / left;
    const ratio = 0.5 * Math.log(Math.max(beta, TINY) / Math.max(variance, TINY));
    const a = (Math.sqrt(1 - beta) * (1 - before[i])) / left;
    return [a, (Math.sqrt(before[i]) * beta) / left, 0, Math.sqrt(variance), ratio];
  });
}

/** @param {number[]} alphaBar @returns {number[][]} rows (A, B, C, S, R) */
function ddim(alphaBar) {
  const before = after(alphaBar);
  return alphaBar.map((bar, i) => {
    const a = Math.sqrt((1 - before[i]) / Math.max(1 - bar, TINY));
    return [a, Math.sqrt(before[i]) - a * Math.sqrt(bar), 0, 0, 0];
  });
}

/** @param {number[]} alphaBar @returns {number[][]} rows (A, B, C, S, R) */
function dpmpp(alphaBar) {
  const before = after(alphaBar);
  const logRatio = (/** @type {number} */ bar) =>
    0.5 * (Math.log(Math.max(bar, TINY)) - Math.log(Math.max(1 - bar, TINY)));
  const h = alphaBar.map((bar, i) => logRatio(before[i]) - logRatio(bar));
  return alphaBar.map((bar, i) => {
    const a = Math.sqrt((1 - before[i]) / Math.max(1 - bar, TINY));
    const gain = Math.sqrt(before[i]) - a * Math.sqrt(bar);
    const r = i === 0 || i === alphaBar.length - 1 ? 0 : h[i] / (2 * h[i - 1]);
    return [a, gain * (1 + r), -gain * r, 0, 0];
  });
}
