/** How long each phone and pause takes. */
import { InputError } from "../errors.js";
import { MAX_PAUSE } from "../playlist.js";
import { output } from "./outputs.js";
import { ENDS, INDEX } from "./phones.js";

export const SLOWEST = 0.5;
export const FASTEST = 2;
/** Seconds of one phone, whatever a network says. */
const SHORTEST_SECONDS = 0.005;
const LONGEST_SECONDS = 2;

/** The network at work. */
export class Durations {
  /** @param {import("../bundle.js").Bundle<import("./manifest.js").SpokenTextManifest>} bundle with the graph `durations` */
  constructor(bundle) {
    this.bundle = bundle;
    this.paces = new Map(bundle.manifest.paces.map(({ speaker, factor }) => [speaker, factor]));
  }

  /**
   * Seconds of the phones and pauses of one sentence, at the pace of a speaker where the bundle knows it.
   * @param {string[]} symbols
   * @param {number[]} places
   * @param {string | null} speaker
   * @returns {Promise<number[]>}
   */
  async seconds(symbols, places, speaker = null) {
    const { speakers } = this.bundle.manifest;
    const known = speakers.indexOf(speaker ?? "");
    const dims = [1, symbols.length];
    const found = await output(this.bundle, "durations", {
      symbols: [BigInt64Array.from(symbols, (symbol) => BigInt(INDEX.get(symbol) ?? 0)), dims],
      places: [BigInt64Array.from(places, BigInt), dims],
      ...(speakers.length && { speaker: [BigInt64Array.of(BigInt(known < 0 ? speakers.length : known)), [1]] }),
    }, "log_seconds", dims);
    const factor = this.paces.get(speaker ?? "") ?? 1;
    return Array.from(found, (log) => Math.min(Math.max(Math.exp(log) * factor, SHORTEST_SECONDS), LONGEST_SECONDS));
  }
}

/**
 * @param {number} speed
 * @param {number | undefined} pause
 * @throws {InputError} for what `paced` does not take
 */
export function checkDials(speed, pause) {
  ranged("speed", speed, SLOWEST, FASTEST, "");
  if (pause !== undefined) ranged("pause", pause, 0, MAX_PAUSE, " seconds");
}

/** @param {string} name @param {number} value @param {number} least @param {number} most @param {string} unit */
function ranged(name, value, least, most, unit) {
  if (typeof value !== "number") throw new InputError(`${name} must be a number, not '${String(value).slice(0, 40)}'`);
  if (!(value >= least && value <= most)) throw new InputError(`${name} must be from ${least} to ${most}${unit}, not ${value}`);
}

/**
 * Seconds of the phones and pauses of one sentence, which begins with a pause, at another pace: `speed` 2 halves them all.
 * `pause` is the silence between two sentences: what of it is not before this one comes behind it, where there is a full stop
 * or the like.
 * @param {string[]} symbols
 * @param {number[]} seconds
 * @param {number} speed
 * @param {number | undefined} pause
 */
export function paced(symbols, seconds, speed, pause) {
  const scaled = seconds.map((one) => one / speed);
  if (pause === undefined) return scaled;
  scaled[0] = Math.min(scaled[0], pause);
  const last = scaled.length - 1;
  if (ENDS.includes(symbols[last])) scaled[last] = pause - scaled[0];
  return scaled;
}
