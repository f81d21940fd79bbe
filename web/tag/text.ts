/** Encoding and hashing of text. Everything here runs in every browser that runs scripts at all (ES5, no polyfill). */

/** The text with halves of surrogate pairs replaced: they have no UTF-8, and one would stop the page's script. */
export function wellFormed(text: string): string {
  const halves = /[\ud800-\udbff][\udc00-\udfff]|[\ud800-\udfff]/g
  return text.replace(halves, (found) => (found.length > 1 ? found : '\ufffd'))
}

/** The UTF-8 of a text, one character for each byte. */
export function utf8(text: string): string {
  const escaped = encodeURIComponent(wellFormed(text))
  return escaped.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
}

/** The low 32 bits of a product, signed, without the loss that a float would have. */
function multiply(a: number, b: number): number {
  return ((a & 0xffff) * b + (((a >>> 16) * b) & 0xffff) * 0x10000) | 0
}

function mixed(word: number): number {
  const turned = multiply(word, 0xcc9e2d51)
  return multiply((turned << 15) | (turned >>> 17), 0x1b873593)
}

/** MurmurHash3 (x86, 32 bits, seed 0) of the UTF-8 of a text, as a signed integer. */
export function murmur3(text: string): number {
  const bytes = utf8(text)
  let hash = 0
  let word = 0
  for (let at = 0; at < bytes.length; at++) {
    word |= bytes.charCodeAt(at) << ((at & 3) * 8)
    if ((at & 3) === 3) {
      hash ^= mixed(word)
      hash = (multiply((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0
      word = 0
    }
  }
  hash ^= mixed(word) ^ bytes.length
  hash = multiply(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = multiply(hash ^ (hash >>> 13), 0xc2b2ae35)
  return hash ^ (hash >>> 16)
}
