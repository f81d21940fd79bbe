/** Identifiers: 32 characters of six random bits each, with the time before them where it matters. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxzy0123456789~_'

interface Random {
  getRandomValues?: (bytes: Uint8Array) => unknown
}

/** A new identifier. `time` (milliseconds since 1970) is given for a party or a session and not for a page view. */
export function newIdentifier(window: Window, time?: number): string {
  const random = (window.crypto || (window as { msCrypto?: Random }).msCrypto) as Random | undefined
  const secure = random && random.getRandomValues
  let text = time === undefined ? '0:' : '0:' + time.toString(36) + ':'
  const bytes: ArrayLike<number> & { [at: number]: number } = secure ? new Uint8Array(32) : []
  if (secure) random.getRandomValues!(bytes as Uint8Array)
  for (let at = 0; at < 32; at++) text += ALPHABET.charAt((secure ? bytes[at]! : Math.random() * 64) & 63)
  // The mark says that the browser has no good source of randomness.
  return secure ? text : text + '!'
}
