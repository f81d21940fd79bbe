/** What happens to a page: it is hidden, left, brought back, or goes to another address by itself. */

import type { Page } from './page'
import { visibility } from './page'

/** Listeners for the life of a page. */
export interface Life {
  seen: () => void
  hidden: () => void
  left: () => void
  /** It came back from the browser's memory. */
  back: () => void
}

/** Follow a page; the result says whether it is hidden now. */
export function followLife(window: Page, life: Life): () => boolean {
  const document = window.document
  const visible = visibility(document)
  let left = false
  document.addEventListener(visible.event, () => {
    if (visible.hidden()) life.hidden()
    else life.seen()
  })
  window.addEventListener('pagehide', () => {
    left = true
    life.left()
  })
  window.addEventListener('pageshow', () => {
    // Every page is shown once when it has loaded; only one that was left comes back.
    if (!left) return
    left = false
    life.back()
  })
  return visible.hidden
}

/** Call back when the address changes within the page; the fragment counts only when `hash` is set. */
export function followRoutes(window: Page, hash: boolean, changed: () => void): void {
  const place = (): string => (hash ? window.location.href : window.location.href.replace(/#.*/, ''))
  const history = window.history
  const names: ('pushState' | 'replaceState')[] = ['pushState', 'replaceState']
  let before = place()
  const check = (): void => {
    const now = place()
    if (now === before) return
    before = now
    changed()
  }
  names.forEach((name) => {
    const original = history[name]
    if (!original) return
    history[name] = function (this: History): void {
      original.apply(this, arguments as unknown as Parameters<History['pushState']>)
      check()
    }
  })
  window.addEventListener('popstate', check)
  window.addEventListener('hashchange', check)
}
