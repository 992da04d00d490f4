/** Text to sentences of phones, as the text arrives, by the bundle inside a voice's. */
import { InputError } from "../errors.js";
import { Durations } from "./durations.js";
import { LetterSounds } from "./letters.js";
import { Lexicon } from "./lexicon.js";
import { FOLDER } from "./manifest.js";
import { normalise } from "./normalise.js";
import { BREAK, INSIDE, PAUSES, places, START } from "./phones.js";
import { plain } from "./plain.js";
import { Pronouncer } from "./pronunciation.js";
import { SentenceSplitter } from "./sentences.js";

const NOTHING = "nothing to say: the text has neither a letter nor a digit";
/** A sentence of more symbols, as one of many signs that are words, is cut before the next word. */
const LONGEST = 500;

/** English, whole or in pieces as they arrive. @typedef {string | Iterable<string> | AsyncIterable<string>} Text */
/** A word of a sentence: its symbols are those from `first` on, before `end`. @typedef {{text: string, first: number, end: number}} SpokenWord */
/** What is said of one sentence, with a pause at both ends. @typedef {{text: string, symbols: string[], places: number[], words: SpokenWord[]}} Sentence */
/** @typedef {import("../bundle.js").Bundle<import("./manifest.js").SpokenTextManifest>} SpokenTextBundle */

/** A sentence while it is put together. */
class Unfinished {
  constructor() {
    this.tokens = /** @type {string[]} */ ([]);
    this.symbols = [START];
    this.places = [INSIDE];
    this.words = /** @type {SpokenWord[]} */ ([]);
  }

  /** @param {string} token @param {import("./phones.js").Phones[]} words */
  say(token, words) {
    this.tokens.push(token);
    const first = this.symbols.length;
    for (const phones of words) {
      this.symbols.push(...phones);
      this.places.push(...places(phones.length));
    }
    if (this.symbols.length > first) this.words.push({ text: token, first, end: this.symbols.length });
  }

  /** @param {string} mark */
  pause(mark) {
    this.tokens.push(mark);
    this.symbols.push(mark);
    this.places.push(INSIDE);
  }

  /** @returns {Sentence} */
  finished() {
    if (!PAUSES.slice(1).includes(/** @type {string} */ (this.symbols.at(-1)))) this.pause(BREAK);
    return { text: this.tokens.join(" "), symbols: this.symbols, places: this.places, words: this.words };
  }
}

/** A loaded bundle that turns text into phones. */
export class SpokenText {
  /** @param {SpokenTextBundle} bundle */
  static async open(bundle) {
    const { lexicon } = bundle.manifest;
    return new SpokenText(bundle, new Lexicon(await bundle.read(lexicon.file, lexicon), FOLDER + lexicon.file));
  }

  /** @param {SpokenTextBundle} bundle @param {Lexicon} lexicon */
  constructor(bundle, lexicon) {
    this.pronouncer = new Pronouncer(lexicon, new LetterSounds(bundle));
    this.durations = new Durations(bundle);
  }

  /**
   * The sentences of a text, each as soon as it is over, in memory that does not grow.
   * @param {Text} text
   * @returns {AsyncGenerator<Sentence, void>}
   * @throws {InputError} for letters of other scripts, for what is no text, and at the end of one that has nothing to say
   */
  async* sentences(text) {
    let said = false;
    for await (const written of writtenSentences(text)) {
      for (const sentence of await this.speak(written)) {
        said = true;
        yield sentence;
      }
    }
    if (!said) throw new InputError(NOTHING);
  }

  /**
   * One sentence as it was cut, or what it is cut into; none where there is nothing to say.
   * @param {string} written
   */
  async speak(written) {
    const tokens = normalise(written);
    const words = await this.pronouncer.words(tokens);
    const sentences = [];
    let part = new Unfinished();
    tokens.forEach((token, i) => {
      if (words[i].length && part.symbols.length >= LONGEST) {
        sentences.push(part.finished());
        part = new Unfinished();
      }
      if (words[i].length) part.say(token, words[i]);
      else part.pause(token);
    });
    if (tokens.length) sentences.push(part.finished());
    return sentences;
  }
}

/**
 * @param {string} text a whole one
 * @throws {InputError} for one that `sentences` would refuse, sooner than saying it would
 */
export function checkText(text) {
  let something = false;
  const splitter = new SentenceSplitter();
  for (const written of [...splitter.feed(text), ...splitter.finish()]) {
    // What is refused is refused there; all the rest takes longer.
    plain(written);
    something ||= normalise(written).length > 0;
  }
  if (!something) throw new InputError(NOTHING);
}

/**
 * The sentences of a text as they are written, each as soon as it is over.
 * @param {Text} text
 * @returns {AsyncGenerator<string, void>}
 */
async function* writtenSentences(text) {
  const given = /** @type {any} */ (text);
  if (!(given?.[Symbol.iterator] || given?.[Symbol.asyncIterator])) {
    throw new InputError(`text must be a string, or pieces of it, not ${typeof text}`);
  }
  const splitter = new SentenceSplitter();
  for await (const piece of typeof text === "string" ? [text] : text) {
    if (typeof piece !== "string") throw new InputError(`text must be a string, not ${typeof piece}`);
    yield* splitter.feed(piece);
  }
  yield* splitter.finish();
}
