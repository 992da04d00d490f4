/** Words to phones: the dictionary first, rules for what stands beside it, and the network for the rest. */

/** @typedef {import("./phones.js").Phones} Phones */

/** In capitals these are no words but letters. */
const SPELLED = new Set(["US", "UK", "EU", "UN", "IT", "AI", "TV", "PC", "ID", "AM", "PM", "OK", "DJ", "PR", "HR", "IS"]);
const LONGEST_INITIALISM = 5;
const HISSING = new Set(["S", "Z", "SH", "ZH", "CH", "JH"]);
const VOICELESS = new Set(["P", "T", "K", "F", "TH"]);
/** Of two pronunciations with another stress, the noun's is behind these words, the verb's behind those. */
const BEFORE_NOUN = new Set([
  "a", "an", "the", "this", "that", "my", "your", "his", "her", "its", "our", "their", "no", "any", "some", "each", "every", "of",
  "in", "on", "for", "with", "new", "first",
]);
const BEFORE_VERB = new Set([
  "to", "will", "would", "can", "could", "shall", "should", "may", "might", "must", "i", "you", "we", "they", "not", "please", "and",
]);
/** Words that are short before another word, as the voices' teachers say them. */
const SHORT = new Map(Object.entries({ to: ["T", "AH0"], and: ["AE1", "N", "D"], her: ["HH", "ER0"], were: ["W", "ER0"] }));
const KEPT_WORDS = 4096;

/** Finds phones, and remembers those of up to KEPT_WORDS words that the network has said. */
export class Pronouncer {
  /** @param {import("./lexicon.js").Lexicon} lexicon @param {import("./letters.js").LetterSounds} network */
  constructor(lexicon, network) {
    this.lexicon = lexicon;
    this.network = network;
    this.said = /** @type {Map<string, Phones>} */ (new Map());
  }

  /**
   * The phones of each token of a sentence: several words where one is spelled or put together, none for a pause.
   * @param {string[]} tokens
   */
  async words(tokens) {
    const found = /** @type {Phones[][]} */ ([]);
    for (const [i, token] of tokens.entries()) found.push(await this.token(token, tokens[i - 1] ?? ""));
    tokens.forEach((token, i) => {
      const lower = token.toLowerCase();
      const after = found[i + 1];
      if (!after?.length) return;
      const short = SHORT.get(lower);
      if (short) found[i] = [short];
      // "the" before a vowel has another one.
      if (lower === "the" && after[0].length && isVowel(after[0][0])) found[i] = [["DH", "IY0"]];
    });
    return found;
  }

  /** @param {string} token @param {string} before @returns {Promise<Phones[]>} */
  async token(token, before) {
    if (!/^[A-Za-z]/.test(token)) return [];
    const lower = token.toLowerCase();
    if (lower.length === 2 && lower[1] === ".") return [await this.letter(lower[0])];
    const known = this.lexicon.find(lower);
    // Whatever else is written in capitals and short stands for words that nobody says.
    const initials = SPELLED.has(token) || (!known.length && token.length <= LONGEST_INITIALISM);
    if (!/[a-z]/.test(token) && token.length > 1 && initials) return this.spell(lower);
    return known.length ? [choose(known, before.toLowerCase())] : this.unknown(token);
  }

  /**
   * A word that the dictionary lacks: its base with an 's behind it, the parts of CamelCase, or letters.
   * @param {string} token
   * @returns {Promise<Phones[]>}
   */
  async unknown(token) {
    const lower = token.toLowerCase();
    if (lower.endsWith("'s")) {
      const parts = await this.token(token.slice(0, -2), "");
      return [...parts.slice(0, -1), withS(/** @type {Phones} */ (parts.at(-1)))];
    }
    const parts = token.split(/(?<=[a-z])(?=[A-Z])/);
    if (parts.length > 1) {
      const found = [];
      for (const part of parts) found.push(...(await this.token(part, "")));
      return found;
    }
    if (!/[aeiouy]/.test(lower) && lower.length <= LONGEST_INITIALISM) return this.spell(lower);
    let phones = this.said.get(lower);
    if (!phones) {
      phones = await this.network.pronounce(lower);
      if (this.said.size >= KEPT_WORDS) this.said.clear();
      this.said.set(lower, phones);
    }
    return phones.length ? [phones] : this.spell(lower);
  }

  /** A word letter by letter. @param {string} word */
  async spell(word) {
    const found = [];
    for (const letter of word.replaceAll("'", "")) found.push(await this.letter(letter));
    return found;
  }

  /** The name of a letter. @param {string} letter */
  async letter(letter) {
    return this.lexicon.find(`${letter}.`)[0] ?? this.lexicon.find(letter)[0] ?? this.network.pronounce(letter);
  }
}

/** @param {string} phone */
const isVowel = (phone) => /\d$/.test(phone);

/** A word with the ending s behind it. @param {Phones} phones @returns {Phones} */
function withS(phones) {
  const last = phones.at(-1) ?? "";
  return [...phones, ...(HISSING.has(last) ? ["IH0", "Z"] : VOICELESS.has(last) ? ["S"] : ["Z"])];
}

/**
 * One of a word's pronunciations: where two differ in the vowel that is stressed, as in "record", the one that the word before
 * asks for; otherwise the first.
 * @param {Phones[]} known
 * @param {string} before
 */
function choose(known, before) {
  if (known.length > 1 && (BEFORE_NOUN.has(before) || BEFORE_VERB.has(before))) {
    const [first, second] = known.slice(0, 2).map(stressedVowel);
    if (first !== second && known[0].filter(isVowel).length === known[1].filter(isVowel).length) {
      const noun = first < second ? 0 : 1;
      return known[BEFORE_NOUN.has(before) ? noun : 1 - noun];
    }
  }
  return known[0];
}

/** Which of the vowels has the primary stress. @param {Phones} phones */
const stressedVowel = (phones) => Math.max(phones.filter(isVowel).findIndex((phone) => phone.endsWith("1")), 0);
