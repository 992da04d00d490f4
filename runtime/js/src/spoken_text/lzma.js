/** LZMA2 (https://tukaani.org/xz/xz-file-format.txt, https://www.7-zip.org/sdk.html): chunks of bytes, most of them compressed. */

/** Where the probabilities of each decision stand, in one table. */
const POSITIONS = 16;
const IS_MATCH = 0;
const IS_REPEATED = IS_MATCH + 12 * POSITIONS;
const IS_REPEATED_0 = IS_REPEATED + 12;
const IS_REPEATED_1 = IS_REPEATED_0 + 12;
const IS_REPEATED_2 = IS_REPEATED_1 + 12;
const IS_SHORT = IS_REPEATED_2 + 12;
const SLOTS = IS_SHORT + 12 * POSITIONS;
const SPECIAL = SLOTS + 4 * 64;
const ALIGNMENT = SPECIAL + 128;
/** Of a length: two choices, 8 short and 8 middle ones for each position, 256 long ones. */
const LENGTH_SIZE = 2 + 2 * POSITIONS * 8 + 256;
const MATCH_LENGTH = ALIGNMENT + 16;
const REPEATED_LENGTH = MATCH_LENGTH + LENGTH_SIZE;
const LITERALS = REPEATED_LENGTH + LENGTH_SIZE;
const EVEN = 1024;

/** @param {string} why @returns {never} */
export function fail(why) {
  throw new RangeError(why);
}

/** What unpacks, whose window is all that has come out. */
export class Decoder {
  /** @param {Uint8Array} packed @param {number} at @param {number} most */
  constructor(packed, at, most) {
    this.packed = packed;
    this.at = at;
    this.most = most;
    this.out = new Uint8Array(Math.min(most, 8 * packed.length));
    this.size = 0;
    this.probabilities = new Uint16Array(0);
    this.state = 0;
    this.distances = [0, 0, 0, 0];
    this.range = 0;
    this.code = 0;
    this.literalContext = 0;
    this.literalPosition = 0;
    this.position = 0;
  }

  byte() {
    if (this.at >= this.packed.length) fail("cut short");
    const byte = this.packed[this.at];
    this.at += 1;
    return byte;
  }

  word() {
    return this.byte() * 256 + this.byte();
  }

  run() {
    for (let control = this.byte(); control; control = this.byte()) {
      if (control >= 0x80) this.compressed(control);
      else if (control <= 2) this.copied(this.word() + 1);
      else fail(`a chunk of kind ${control}`);
    }
  }

  /** @param {number} length */
  grow(length) {
    if (this.size + length > this.most) fail(`more than ${this.most} bytes`);
    if (this.size + length <= this.out.length) return;
    const larger = new Uint8Array(Math.min(this.most, 2 * (this.size + length)));
    larger.set(this.out);
    this.out = larger;
  }

  /** @param {number} length */
  copied(length) {
    this.grow(length);
    for (let i = 0; i < length; i += 1) this.out[this.size + i] = this.byte();
    this.size += length;
  }

  /** @param {number} control */
  compressed(control) {
    const length = (control & 31) * 65536 + this.word() + 1;
    const end = this.word() + 1;
    const reset = (control >> 5) & 3;
    if (reset >= 2) this.properties(this.byte());
    if (reset >= 1) this.reset();
    if (!this.probabilities.length) fail("a chunk without properties");
    this.grow(length);
    const last = this.at + end;
    this.range = 0xffffffff;
    this.code = 0;
    for (let i = 0; i < 5; i += 1) this.code = (this.code % 0x1000000) * 256 + this.byte();
    this.symbols(this.size + length);
    if (this.at !== last) fail("a chunk of another length");
  }

  /** @param {number} packed */
  properties(packed) {
    this.literalContext = packed % 9;
    this.literalPosition = Math.floor(packed / 9) % 5;
    this.position = Math.floor(packed / 45);
    if (this.position > 4 || this.literalContext + this.literalPosition > 4) fail(`properties ${packed}`);
    this.probabilities = new Uint16Array(LITERALS + (0x300 << (this.literalContext + this.literalPosition)));
  }

  reset() {
    this.probabilities.fill(EVEN);
    this.state = 0;
    this.distances = [0, 0, 0, 0];
  }

  /** The next decision, by the probability at a place. @param {number} place */
  bit(place) {
    const probability = this.probabilities[place];
    const bound = (this.range >>> 11) * probability;
    const bit = this.code < bound ? 0 : 1;
    if (bit) {
      this.range -= bound;
      this.code -= bound;
      this.probabilities[place] = probability - (probability >> 5);
    } else {
      this.range = bound;
      this.probabilities[place] = probability + ((2048 - probability) >> 5);
    }
    this.normalise();
    return bit;
  }

  normalise() {
    if (this.range >= 0x1000000) return;
    this.range *= 256;
    this.code = this.code * 256 + this.byte();
  }

  /** So many bits, the highest first. @param {number} place @param {number} bits */
  tree(place, bits) {
    let symbol = 1;
    for (let i = 0; i < bits; i += 1) symbol = symbol * 2 + this.bit(place + symbol);
    return symbol - (1 << bits);
  }

  /** So many bits, the lowest first. @param {number} place @param {number} bits */
  reversed(place, bits) {
    let [symbol, value] = [1, 0];
    for (let i = 0; i < bits; i += 1) {
      const bit = this.bit(place + symbol);
      symbol = symbol * 2 + bit;
      value += bit << i;
    }
    return value;
  }

  /** So many bits that are as likely as not. @param {number} bits */
  direct(bits) {
    let value = 0;
    for (let i = 0; i < bits; i += 1) {
      this.range = Math.floor(this.range / 2);
      const bit = this.code >= this.range ? 1 : 0;
      if (bit) this.code -= this.range;
      value = value * 2 + bit;
      this.normalise();
    }
    return value;
  }

  /** @param {number} end */
  symbols(end) {
    const mask = (1 << this.position) - 1;
    while (this.size < end) {
      const position = this.size & mask;
      if (!this.bit(IS_MATCH + this.state * POSITIONS + position)) {
        this.literal();
        continue;
      }
      const length = this.match(position);
      const distance = this.distances[0] + 1;
      if (distance > this.size || this.size + length > end) fail("damaged");
      for (let i = 0; i < length; i += 1) this.out[this.size + i] = this.out[this.size + i - distance];
      this.size += length;
    }
  }

  literal() {
    const before = this.size ? this.out[this.size - 1] : 0;
    const low = this.size & ((1 << this.literalPosition) - 1);
    const context = (low << this.literalContext) + (before >> (8 - this.literalContext));
    const place = LITERALS + 0x300 * context;
    let symbol = 1;
    if (this.state >= 7) {
      if (this.distances[0] >= this.size) fail("damaged");
      let matched = this.out[this.size - this.distances[0] - 1];
      while (symbol < 256) {
        const expected = (matched >> 7) & 1;
        matched <<= 1;
        const bit = this.bit(place + ((1 + expected) << 8) + symbol);
        symbol = symbol * 2 + bit;
        if (bit !== expected) break;
      }
    }
    while (symbol < 256) symbol = symbol * 2 + this.bit(place + symbol);
    this.out[this.size] = symbol;
    this.size += 1;
    this.state = this.state < 4 ? 0 : this.state < 10 ? this.state - 3 : this.state - 6;
  }

  /** The length of a match, whose distance becomes the first. @param {number} position */
  match(position) {
    const { state, distances } = this;
    if (!this.bit(IS_REPEATED + state)) {
      const length = this.length(MATCH_LENGTH, position);
      this.state = state < 7 ? 7 : 10;
      this.distances = [this.distance(length), distances[0], distances[1], distances[2]];
      return length;
    }
    let which = 0;
    if (!this.bit(IS_REPEATED_0 + state)) {
      if (!this.bit(IS_SHORT + state * POSITIONS + position)) {
        this.state = state < 7 ? 9 : 11;
        return 1;
      }
    } else which = this.bit(IS_REPEATED_1 + state) ? 2 + this.bit(IS_REPEATED_2 + state) : 1;
    distances.unshift(...distances.splice(which, 1));
    this.state = state < 7 ? 8 : 11;
    return this.length(REPEATED_LENGTH, position);
  }

  /** @param {number} place @param {number} position */
  length(place, position) {
    if (!this.bit(place)) return 2 + this.tree(place + 2 + position * 8, 3);
    if (!this.bit(place + 1)) return 10 + this.tree(place + 2 + (POSITIONS + position) * 8, 3);
    return 18 + this.tree(place + 2 + 2 * POSITIONS * 8, 8);
  }

  /** @param {number} length */
  distance(length) {
    const slot = this.tree(SLOTS + Math.min(length - 2, 3) * 64, 6);
    if (slot < 4) return slot;
    const bits = (slot >> 1) - 1;
    const base = (2 + (slot & 1)) * 2 ** bits;
    if (slot < 14) return base + this.reversed(SPECIAL + base - slot, bits);
    return base + this.direct(bits - 4) * 16 + this.reversed(ALIGNMENT, 4);
  }
}
