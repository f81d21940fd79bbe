/**
 * How `watchbell.js` sends: one request for each event while the page is open, one batch when it is left, and again
 * later what failed. An event may arrive twice (when a page is left while its request is under way); it never has
 * another identifier then, so the collector sees that it is a duplicate. What failed is kept until it was answered.
 */

import type { Item } from './item'
import type { Page } from './page'
import { newQueue, request } from './queue'
import type { WatchbellSettings } from './settings'
import { TAKEN_MS, type Store } from './store'

/** Longer addresses are cut or refused on the way; those go as a batch of one. */
const MAX_QUERY = 7000
/** Browsers take 64 KiB at a time from a page that is being left. */
const MAX_BATCH = 60_000
const FIRST_RETRY_MS = 2000
const LAST_RETRY_MS = 300_000

export interface Delivery {
  /** Send an event, or call back when those before it were sent. */
  add: (item: Item | (() => void)) => void
  /** Send at once what waits, and what is added by `last`; when the page is being left, also what is under way. */
  flush: (leaving: boolean, last: () => void) => void
  /** Forget what waits. Callbacks are called. */
  clear: () => void
}

/** `granted` says whether the party's cookie may be set; `sent` hears of each event that arrived. */
export function newDelivery(
  window: Page,
  base: string,
  settings: WatchbellSettings,
  store: Store,
  granted: () => boolean,
  sent: () => void,
): Delivery {
  let open: Item[] = []
  let gathered: Item[] | undefined
  let retry = 0
  let retryAfter = FIRST_RETRY_MS
  let look = 0
  let cleared = 0

  const queue = newQueue<Item>((item, done) => {
    if (item.query.length > MAX_QUERY) {
      post([item])
      return done()
    }
    open.push(item)
    request(window, base + settings.suffix + '?' + item.query, settings.eventTimeout, (came) => {
      if (came !== undefined && open.indexOf(item) >= 0) {
        open = open.filter((one) => one !== item)
        if (came) succeeded(item)
        else keep([item])
      }
      done()
    })
  })

  function succeeded(item: Item): void {
    store.drop([item])
    retryAfter = FIRST_RETRY_MS
    sent()
    if (!retry) again()
  }

  /** Keep what failed, and try again after a while that grows. */
  function keep(items: Item[]): void {
    store.add(items)
    if (retry) return
    retry = window.setTimeout(again, retryAfter)
    retryAfter = Math.min(retryAfter * 2, LAST_RETRY_MS)
  }

  function again(): void {
    clearTimeout(retry)
    clearTimeout(look)
    retry = 0
    // What was taken and is still to be sent here must not be taken once more.
    if (!queue.waiting.length) store.take(Date.now()).forEach(queue.add)
    // What is being sent, here or by another page, may come to nothing.
    if (store.any()) look = window.setTimeout(again, TAKEN_MS)
  }

  function post(items: Item[]): void {
    const body = items.map((item) => item.query).join('\n')
    if (body.length > MAX_BATCH && items.length > 1) {
      const half = items.length >> 1
      post(items.slice(0, half))
      return post(items.slice(half))
    }
    const navigator = window.navigator
    if (!settings.batch || navigator.onLine === false) return keep(items)
    const address = base + settings.batch + (settings.serverCookie && granted() ? '?ck=1' : '')
    // A beacon is text/plain, which browsers send to another host without asking it first. Nobody hears of its fate.
    if (navigator.sendBeacon && navigator.sendBeacon(address, body)) return store.drop(items)
    if (!window.fetch) return keep(items)
    const keepalive = body.length < MAX_BATCH
    const before = cleared
    const options: RequestInit = { method: 'POST', body, mode: 'no-cors', credentials: 'include', keepalive }
    window.fetch(address, options).then(
      () => store.drop(items),
      () => {
        if (before === cleared) keep(items)
      },
    )
  }

  function waiting(): Item[] {
    const items: Item[] = []
    const callbacks: (() => void)[] = []
    queue.waiting.splice(0).forEach((one) => {
      if (typeof one === 'function') callbacks.push(one)
      else items.push(one)
    })
    callbacks.forEach(queue.add)
    return items
  }

  window.addEventListener('online', again)
  return {
    add: (item) => {
      if (gathered && typeof item !== 'function') gathered.push(item)
      else queue.add(item)
    },
    flush: (leaving, last) => {
      gathered = (leaving ? open : []).concat(waiting())
      last()
      const items = gathered
      gathered = undefined
      if (leaving) open = []
      if (items.length) post(items)
    },
    clear: () => {
      cleared++
      open = []
      waiting()
    },
  }
}
