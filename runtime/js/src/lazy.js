/** Streams that need no await before they are read. */
import { InputError } from "./errors.js";

/**
 * What will be a stream, or a speech, when it is first asked, so that `stream()` and `speak()` need no await.
 * @template {import("./stream.js").Stream | import("./speech.js").Speech} T
 */
export class Lazy {
  /** @param {Promise<T>} ready */
  constructor(ready) {
    this.ready = ready;
    /** @type {T | null} */
    this.opened = null;
    ready.then((stream) => { this.opened = stream; }, () => {});
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  /** @returns {Promise<any>} */
  async next() {
    return (await this.ready).next();
  }

  /** @returns {Promise<any>} */
  async return() {
    return (await this.ready).return();
  }

  get seed() {
    if (!this.opened) throw new InputError("the stream has not begun; await its `ready` or its first chunk");
    return this.opened.seed;
  }
}

/** @extends {Lazy<import("./stream.js").Stream>} */
export class LazyStream extends Lazy {
  async state() {
    return (await this.ready).state();
  }

  /** @param {import("./controls.js").Controls} controls */
  async extend(controls) {
    await (await this.ready).extend(controls);
    return this;
  }
}
