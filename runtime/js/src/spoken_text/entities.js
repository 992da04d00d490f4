/**
 * References to characters in HTML, as "&eacute;" and "&#233;": the names of HTML 4, and some older ones in capitals; other
 * names stay as they are.
 */

/** The characters from number 160 to 255, in order; they need no semicolon, and no more do those of OLD. */
const LATIN = (
  "nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute micro " +
  "para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig Ccedil " +
  "Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash Ugrave " +
  "Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute ecirc euml " +
  "igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc uuml yacute " +
  "thorn yuml "
).trim().split(" ");
const OLD = { AMP: 38, COPY: 169, GT: 62, LT: 60, QUOT: 34, REG: 174, amp: 38, gt: 62, lt: 60, quot: 34 };
/** Name and number in hexadecimal. */
const OTHERS = (
  "OElig:152 oelig:153 Scaron:160 scaron:161 Yuml:178 fnof:192 circ:2c6 tilde:2dc Alpha:391 Beta:392 Gamma:393 " +
  "Delta:394 Epsilon:395 Zeta:396 Eta:397 Theta:398 Iota:399 Kappa:39a Lambda:39b Mu:39c Nu:39d Xi:39e Omicron:39f " +
  "Pi:3a0 Rho:3a1 Sigma:3a3 Tau:3a4 Upsilon:3a5 Phi:3a6 Chi:3a7 Psi:3a8 Omega:3a9 alpha:3b1 beta:3b2 gamma:3b3 " +
  "delta:3b4 epsilon:3b5 zeta:3b6 eta:3b7 theta:3b8 iota:3b9 kappa:3ba lambda:3bb mu:3bc nu:3bd xi:3be omicron:3bf " +
  "pi:3c0 rho:3c1 sigmaf:3c2 sigma:3c3 tau:3c4 upsilon:3c5 phi:3c6 chi:3c7 psi:3c8 omega:3c9 thetasym:3d1 upsih:3d2 " +
  "piv:3d6 ensp:2002 emsp:2003 thinsp:2009 zwnj:200c zwj:200d lrm:200e rlm:200f ndash:2013 mdash:2014 lsquo:2018 " +
  "rsquo:2019 sbquo:201a ldquo:201c rdquo:201d bdquo:201e dagger:2020 Dagger:2021 bull:2022 hellip:2026 permil:2030 " +
  "prime:2032 Prime:2033 lsaquo:2039 rsaquo:203a oline:203e frasl:2044 euro:20ac image:2111 weierp:2118 real:211c " +
  "trade:2122 alefsym:2135 larr:2190 uarr:2191 rarr:2192 darr:2193 harr:2194 crarr:21b5 lArr:21d0 uArr:21d1 rArr:21d2 " +
  "dArr:21d3 hArr:21d4 forall:2200 part:2202 exist:2203 empty:2205 nabla:2207 isin:2208 notin:2209 ni:220b prod:220f " +
  "sum:2211 minus:2212 lowast:2217 radic:221a prop:221d infin:221e ang:2220 and:2227 or:2228 cap:2229 cup:222a int:222b " +
  "there4:2234 sim:223c cong:2245 asymp:2248 ne:2260 equiv:2261 le:2264 ge:2265 sub:2282 sup:2283 nsub:2284 sube:2286 " +
  "supe:2287 oplus:2295 otimes:2297 perp:22a5 sdot:22c5 lceil:2308 rceil:2309 lfloor:230a rfloor:230b lang:2329 " +
  "rang:232a loz:25ca spades:2660 clubs:2663 hearts:2665 diams:2666 apos:27 "
).trim().split(" ").map((pair) => pair.split(":"));
/** Names of HTML 5 that begin with one that needs no semicolon, and mean another thing. */
const NEWER = new Set((
  "centerdot copysr divideontimes gtcc gtcir gtdot gtlPar gtquest gtrapprox gtrarr gtrdot gtreqless gtreqqless gtrless " +
  "gtrsim ltcc ltcir ltdot lthree ltimes ltlarr ltquest ltri ltrie ltrif ltrPar notindot notinE notinva notinvb notinvc " +
  "notni notniva notnivb notnivc parallel timesb timesbar timesd"
).split(" ").map((name) => `${name};`));
const BARE = new Map([...LATIN.map((name, i) => /** @type {[string, number]} */ ([name, 160 + i])), ...Object.entries(OLD)]);
const KNOWN = new Map([...BARE, ...OTHERS.map(([name, code]) => /** @type {[string, number]} */ ([name, parseInt(code, 16)]))]);
const REFERENCE = /&(?:#(\d+);?|#[xX]([0-9a-fA-F]+);?|([^\t\n\f <&#;]{1,32};?))/gu;
/** What the numbers from 128 to 159 mean, which are characters of Windows' set. */
const WINDOWS = "€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ";

/** The text with characters in the place of what refers to them. @param {string} text */
export const unescaped = (text) => text.replace(REFERENCE, (whole, decimal, hexadecimal, name) =>
  name === undefined ? numbered(decimal ? Number(decimal) : parseInt(hexadecimal, 16)) : (named(name) ?? whole));

/** @param {number} code */
function numbered(code) {
  if (code >= 0x80 && code <= 0x9f) return WINDOWS[code - 0x80];
  if (code === 0 || (code >= 0xd800 && code <= 0xdfff) || code > 0x10ffff) return "\ufffd";
  const character = String.fromCodePoint(code);
  return /[\t\n\f\r]|[^\p{Cc}\p{Noncharacter_Code_Point}]/u.test(character) ? character : "";
}

/** What a name means; one that none has, the longest that it begins with and that needs no semicolon. @param {string} name */
function named(name) {
  const code = name.endsWith(";") ? KNOWN.get(name.slice(0, -1)) : undefined;
  if (code !== undefined) return String.fromCodePoint(code);
  if (NEWER.has(name)) return undefined;
  for (let length = name.length; length > 1; length -= 1) {
    const known = BARE.get(name.slice(0, length));
    if (known !== undefined) return String.fromCodePoint(known) + name.slice(length);
  }
  return undefined;
}
