/** What any-order models of pictures, text and sound have in common. */
import { checkBytes, checkCount } from "../config.js";
import { selfTest } from "../self_test.js";
import { sample } from "./network.js";
import { fillWindows } from "./windows.js";

/** Bytes of an answer's value, and of what is copied around it. */
export const VALUE_BYTES = 40;

/** Generates variables in any order, and as many at a time as a budget of network calls allows. */
export class AnyOrderModel {
  /** @param {import("./network.js").AnyOrderBundle} bundle */
  constructor(bundle) {
    this.bundle = bundle;
    this.manifest = bundle.manifest;
  }

  /** What is generated: shape, levels, and how pixels, text or samples become them. */
  get variables() {
    return this.manifest.variables;
  }

  /** Any-order models have none. */
  get labels() {
    return this.manifest.labels;
  }

  /**
   * Answers (count, rows, columns, channels) of any size, text and sound being one row, with the target drawn.
   * @param {import("./windows.js").Given} given
   * @param {number} count
   * @param {import("./config.js").AnyOrderSettings} settings
   */
  fillIn(given, count, settings) {
    checkCount(count);
    checkBytes(VALUE_BYTES * (count + 1) * given.values.length, `${count} x ${given.values.length} values`);
    /** @param {import("./windows.js").Window} window @param {bigint} seed */
    const draw = (window, seed) => sample(this.bundle, window, settings, seed);
    return fillWindows(draw, this.variables.shape, given, count, settings.seed);
  }

  /** Make again what the bundle's test vectors have, and compare: a list of `{what, difference, tolerance, passed}`. */
  selfTest() {
    return selfTest(/** @type {any} */ (this));
  }

  /** Frees the memory of the graph. */
  release() {
    return this.bundle.release();
  }
}
