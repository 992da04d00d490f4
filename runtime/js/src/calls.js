/** What a page says to a worker, and hears from it. */
import * as errors from "./errors.js";

/** Calls to a worker that runs `adr-runtime/worker`, and their answers. */
export class Calls {
  /** @param {Worker} worker */
  constructor(worker) {
    this.worker = worker;
    this.last = 0;
    this.things = 0;
    /** @type {Error | null} */
    this.failed = null;
    /** @type {Map<number, {resolve: (value: any) => void, reject: (error: Error) => void}>} */
    this.waiting = new Map();
    /** @type {Map<number, (loaded: number, total: number) => void>} */
    this.progress = new Map();
    /** What tells the next piece of a text. @type {Map<number, () => void>} */
    this.texts = new Map();
    worker.addEventListener("message", ({ data }) => {
      if (data.wanted) return this.texts.get(data.id)?.();
      if (data.progress) return this.progress.get(data.id)?.(.../** @type {[number, number]} */ (data.progress));
      const call = this.waiting.get(data.call);
      this.waiting.delete(data.call);
      if (!data.error) return call?.resolve(data.result);
      const Kind = /** @type {Record<string, typeof errors.ADRError>} */ (errors)[data.error.kind] ?? Error;
      return call?.reject(new Kind(data.error.message));
    });
    worker.addEventListener("error", (event) => {
      const error = new errors.ADRError(`the worker failed: ${event.message || "its script cannot be loaded"}`);
      this.failed = error;
      for (const { reject } of this.waiting.values()) reject(error);
      this.waiting.clear();
    });
  }

  /** A number for a model or a stream at the other end. */
  newId() {
    this.things += 1;
    return this.things;
  }

  /** @param {string} name @param {number} id @param {unknown[]} values @returns {Promise<any>} */
  make(name, id, ...values) {
    if (this.failed) return Promise.reject(this.failed);
    this.last += 1;
    const call = this.last;
    return new Promise((resolve, reject) => {
      // What cannot be posted is refused here, and nobody waits for an answer.
      this.worker.postMessage({ call, name, id, values });
      this.waiting.set(call, { resolve, reject });
    });
  }
}
