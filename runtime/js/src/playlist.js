/** Several words in one stream, one after the other, each until the model says that it is over. */

/** A word that never ends would keep all others waiting: seconds. */
export const LONGEST = 3;
/** Seconds behind a word. */
export const MAX_PAUSE = 60;
export const MAX_WORDS = 1 << 16;
export const MAX_WORD_TOKENS = 1 << 26;

/**
 * Which label a stream is at. `pause` tokens are made behind each word, at most `longest` of a word; `word`, `made` and
 * `quiet` change: words begun before, tokens of this word, and those of them since its end.
 */
export class Playlist {
  /**
   * @param {number[]} labels
   * @param {number} pause
   * @param {number} longest
   * @param {boolean} cycle whether it begins again after the last one
   * @param {number} [word]
   * @param {number} [made]
   * @param {number} [quiet]
   */
  constructor(labels, pause, longest, cycle, word = 0, made = 0, quiet = 0) {
    this.labels = labels;
    this.pause = pause;
    this.longest = longest;
    this.cycle = cycle;
    this.word = word;
    this.made = made;
    this.quiet = quiet;
  }

  get label() {
    return this.labels[this.word % this.labels.length];
  }

  get done() {
    return !this.cycle && this.word >= this.labels.length;
  }

  /**
   * Count a token, which came after the word's end if that is `finished`; whether another word is to begin, or all is done.
   * @param {boolean} finished
   */
  advance(finished) {
    this.made += 1;
    this.quiet += Number(finished || this.quiet > 0);
    if (this.quiet <= this.pause && this.made < this.longest) return false;
    this.word += 1;
    this.made = 0;
    this.quiet = 0;
    return true;
  }
}
