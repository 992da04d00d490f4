/**
 * What xz has compressed, by LZMA2 alone (https://tukaani.org/xz/xz-file-format.txt): one stream of one block. Checksums are
 * left to whoever knows the SHA-256 of the whole.
 */
import { Decoder, fail } from "./lzma.js";

const MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0];
const LZMA2 = 0x21;
const END_OF_STREAM = "YZ";

/**
 * @param {Uint8Array} packed
 * @param {number} most bytes that may come out
 * @returns {Uint8Array}
 * @throws {RangeError} in one line where it is damaged, too large, or of a kind that is not read here
 */
export function unpacked(packed, most) {
  const header = packed[12] * 4 + 4;
  const filters = readFilters(packed.subarray(12, 12 + header));
  const tail = String.fromCharCode(...packed.subarray(-2));
  if (MAGIC.some((byte, i) => packed[i] !== byte) || tail !== END_OF_STREAM || !filters) fail("not one xz stream of LZMA2");
  const decoder = new Decoder(packed, 12 + header, most);
  decoder.run();
  // Behind the block, its padding and its check comes the index, which has as many records as there are blocks, and is as long
  // as the footer says, which is the last of all.
  const check = [0, 4, 4, 4, 8, 8, 8, 16, 16, 16, 32, 32, 32, 64, 64, 64][packed[7] & 15];
  const index = Math.ceil(decoder.at / 4) * 4 + check;
  if (packed[index] !== 0 || packed[index + 1] !== 1) fail("more than one block");
  const footer = packed.length - 12;
  const size = new DataView(packed.buffer, packed.byteOffset + footer).getUint32(4, true);
  if (index + 4 * (size + 1) !== footer) fail("more than one stream");
  return decoder.out.subarray(0, decoder.size);
}

/** Whether a block's header names LZMA2 and nothing else. @param {Uint8Array} header */
function readFilters(header) {
  let at = 2;
  for (const size of [0x40, 0x80]) {
    if (!(header[1] & size)) continue;
    while (header[at] & 0x80) at += 1;
    at += 1;
  }
  return (header[1] & 0x3f) === 0 && header[at] === LZMA2 && header[at + 1] === 1;
}
