/** A page that tests can look into: what it stores, what it asks for, and when. */

import type { Page } from './page'

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxzy0123456789~_'

/** What the browser says of itself in the recorded runs. */
export interface Facts {
  url?: string
  referrer?: string
  script?: string
  cookies?: Record<string, string>
  ratio?: number
  /** Random parts (32 characters) of the identifiers to come, in their order. */
  random?: string[]
}

export interface FakeImage {
  src: string
  onload: () => void
  onerror: () => void
}

export interface FakePage {
  window: Page
  images: FakeImage[]
  /** Every assignment to `document.cookie`. */
  written: string[]
  cookies: Record<string, string>
  /** Bodies of batches by address. */
  beacons: { address: string; body: string }[]
  storage: Map<string, string>
  hide: (hidden: boolean) => void
  fire: (type: string) => void
  go: (url: string) => void
}

class Storage {
  readonly map = new Map<string, string>()
  getItem = (key: string): string | null => this.map.get(key) ?? null
  setItem = (key: string, value: string): void => void this.map.set(key, value)
  removeItem = (key: string): void => void this.map.delete(key)
}

function fakeDocument(facts: Facts, written: string[], cookies: Record<string, string>): EventTarget {
  const document = new EventTarget()
  const state = { hidden: false, referrer: facts.referrer ?? '', body: {}, documentElement: {} }
  const script = { src: facts.script ?? 'https://track.example.com/divolte.js', getAttribute: () => null }
  Object.assign(document, state, { currentScript: script, getElementsByTagName: () => [script] })
  Object.defineProperty(document, 'cookie', {
    configurable: true,
    get: () => Object.entries(cookies).map(([name, value]) => `${name}=${value}`).join('; '),
    set: (text: string) => {
      written.push(text)
      const [, name = '', value = ''] = /^([^=]*)=([^;]*)/.exec(text) ?? []
      if (text.includes('max-age=0')) delete cookies[name]
      else cookies[name] = value
    },
  })
  return document
}

function fakeHistory(go: (url: string) => void): object {
  const change = (_state: unknown, _title: string, url: string): void => go(url)
  return { pushState: change, replaceState: change }
}

function fakeCrypto(random: string[]): object {
  return {
    getRandomValues: (bytes: Uint8Array) => {
      const text = random.shift()
      bytes.forEach((_, at) => {
        bytes[at] = text === undefined ? Math.floor(Math.random() * 256) : ALPHABET.indexOf(text.charAt(at)) + 64
      })
      return bytes
    },
  }
}

/** A page as the recorded runs saw it. Pictures stay unanswered until a test answers them. */
export function fakePage(facts: Facts = {}): FakePage {
  const images: FakeImage[] = []
  const written: string[] = []
  const beacons: FakePage['beacons'] = []
  const cookies = { ...facts.cookies }
  const storage = new Storage()
  const document = fakeDocument(facts, written, cookies)
  const window = new EventTarget()
  const location = { href: facts.url ?? 'https://www.example.com/' }
  const go = (url: string): void => void (location.href = new URL(url, location.href).href)
  const navigator = {
    onLine: true,
    sendBeacon: (address: string, body: string) => beacons.push({ address, body }) > 0,
  }
  function Image(this: FakeImage): void {
    images.push(this)
  }
  Object.assign(window, {
    document, location, navigator, Image, localStorage: storage, history: fakeHistory(go),
    screen: { availWidth: 1680, availHeight: 1025 }, innerWidth: 1106, innerHeight: 949,
    devicePixelRatio: facts.ratio ?? 2, crypto: fakeCrypto([...(facts.random ?? [])]),
    setTimeout: globalThis.setTimeout.bind(globalThis),
  })
  return {
    window: window as unknown as Page,
    images, written, cookies, beacons, storage: storage.map, go,
    hide: (hidden) => {
      Object.assign(document, { hidden })
      document.dispatchEvent(new Event('visibilitychange'))
    },
    fire: (type) => void window.dispatchEvent(new Event(type)),
  }
}
