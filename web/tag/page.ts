/** What both scripts read from the page: their own address, cookies, sizes, visibility. */

import type { DivolteSettings } from './settings'

/** The page, with what only some browsers or loaders have. */
export type Page = Window &
  typeof globalThis & {
    define?: ((make: () => unknown) => void) & { amd?: unknown }
    module?: { exports?: unknown }
  }

const OLD_NAMES = ['', 'moz', 'ms', 'webkit']

/** The element of the running script; without `document.currentScript`, the only one that is called so. */
export function scriptElement(document: Document, pattern: string): HTMLScriptElement {
  let found = document.currentScript as HTMLScriptElement | null
  if (!found) {
    const ours = new RegExp('^([^?#]*/)?' + pattern + '([?#].*)?$')
    const elements = document.getElementsByTagName('script')
    for (let at = 0; at < elements.length; at++) {
      const element = elements[at]!
      if (!ours.test(element.src)) continue
      if (found) throw 'The tag cannot start: several scripts are called ' + pattern
      found = element
    }
  }
  if (!found || !found.src) throw 'The tag cannot start: it finds no script called ' + pattern
  return found
}

/** The folder of an address, with the slash. */
export function folder(address: string): string {
  return address.replace(/[?#].*/, '').replace(/[^/]*$/, '')
}

/** A page view identifier that the server put behind the script's address; empty without one. */
export function serverPageView(address: string): string {
  const at = address.indexOf('#')
  const given = at < 0 ? '' : address.slice(at + 1)
  if (given.indexOf('/') >= 0) throw 'The tag cannot start: the page view identifier has a slash'
  return given
}

/** A name as a pattern that matches it alone. */
export function literally(name: string): string {
  return name.replace(/[^\w]/g, '\\$&')
}

/** The value of a cookie, or empty. Of several with the same name the last is taken, which is the least specific. */
export function readCookie(document: Document, name: string): string {
  let value = ''
  document.cookie.split(';').forEach((cookie) => {
    const at = cookie.indexOf('=')
    if (cookie.slice(0, at).trim() === name) value = cookie.slice(at + 1).trim()
  })
  return value
}

/** Write a cookie that lives for `seconds` from `now` (milliseconds); 0 removes it. `more` are attributes. */
export function writeCookie(
  document: Document,
  name: string,
  value: string,
  seconds: number,
  now: number,
  domain: string,
  more = '',
): void {
  const expires = new Date(now + seconds * 1000).toUTCString()
  const where = '; path=/; expires=' + expires + '; max-age=' + seconds + (domain ? '; domain=' + domain : '')
  document.cookie = name + '=' + value + where + more
}

/** The size of the window in one direction. */
export function viewport(window: Window, side: 'Width' | 'Height'): number {
  const document = window.document
  const root = document.documentElement
  const body = document.body || root
  const inner = ('inner' + side) as 'innerWidth'
  const client = ('client' + side) as 'clientWidth'
  const offset = ('offset' + side) as 'offsetWidth'
  return window[inner] || root[client] || body[client] || root[offset] || body[offset]
}

/** Whether the page is hidden, and how to hear that it no longer is. */
export function visibility(document: Document): { hidden: () => boolean; event: string } {
  const states = document as unknown as Record<string, unknown>
  for (let at = 0; at < OLD_NAMES.length; at++) {
    const prefix = OLD_NAMES[at]!
    const name = prefix ? prefix + 'Hidden' : 'hidden'
    if (states[name] !== undefined) return { hidden: () => !!states[name], event: prefix + 'visibilitychange' }
  }
  return { hidden: () => false, event: '' }
}

/** Hand a module to the page: to its AMD or CommonJS loader, or as a global. An object of that name is left alone. */
export function expose(window: Page, name: string, module: object): boolean {
  const globals = window as unknown as Record<string, unknown>
  if (typeof globals[name] === 'object') return false
  if (typeof window.define === 'function' && window.define.amd) window.define(() => module)
  else if (window.module && window.module.exports) window.module.exports = module
  else globals[name] = module
  return true
}

/** Writes to the console when the settings ask for it. */
export function logger(window: Page, settings: DivolteSettings): (...said: unknown[]) => void {
  return (...said) => {
    if (settings.logging && window.console) window.console.log(said)
  }
}
