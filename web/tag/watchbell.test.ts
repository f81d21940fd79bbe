// @vitest-environment node
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { Call } from './api'
import { type Facts, fakePage } from './fakes'
import { BASE, NOW, answerAll, batched, sent, started, stored, types } from './running'
import { vectors } from './vectors'

beforeEach(() => {
  vi.useFakeTimers()
  vi.setSystemTime(NOW)
})
afterEach(() => vi.useRealTimers())

describe('recorded runs', () => {
  it.each(vectors.tag_runs)('are the same requests: $name', ({ input, module_state, requests }) => {
    const facts: Facts = {
      url: input.page_url, referrer: input.referrer ?? '', cookies: input.cookies_before,
      ratio: input.device_pixel_ratio, random: [String(module_state.pageViewId).slice(2)],
    }
    const { page, watchbell } = started({}, fakePage(facts))
    for (const { expected } of requests.slice(1)) {
      watchbell.signal(expected.eventType, expected.eventParameters ?? undefined)
    }
    answerAll(page)
    expect(page.images.map((image) => image.src)).toEqual(requests.map((request) => request.url))
    expect(watchbell).toMatchObject(module_state)
  })
})

describe('a page that is left', () => {
  it('sends what waits when it is hidden, and what is under way as well when it goes', () => {
    const { page, watchbell } = started()
    watchbell.signal('waits')
    page.hide(true)
    expect(batched(page)).toEqual([['waits']])
    watchbell.signal('later')
    page.fire('pagehide')
    expect(batched(page)).toEqual([['waits'], ['pageView', 'later']])
    expect(page.beacons[0]!.address).toBe(`${BASE}csc-events`)
    page.images[0]!.onerror()
    expect(stored(page)).toEqual([])
  })

  it('keeps its events for the next one without a network', () => {
    const first = started()
    first.watchbell.signal('waits')
    Object.assign(first.page.window.navigator, { onLine: false })
    first.page.fire('pagehide')
    expect(first.page.beacons).toEqual([])
    expect(stored(first.page)).toHaveLength(2)

    const page = fakePage({ cookies: first.page.cookies })
    first.page.storage.forEach((value, key) => page.storage.set(key, value))
    started({}, page)
    answerAll(page)
    expect(types(page)).toEqual(['pageView', 'pageView', 'waits'])
    expect(stored(page)).toEqual([])
  })

  it('falls back on fetch, and calls back whoever waits', () => {
    const { page, watchbell } = started()
    const fetch = vi.fn(() => Promise.resolve())
    Object.assign(page.window, { fetch })
    Object.assign(page.window.navigator, { sendBeacon: () => false })
    const called = vi.fn()
    watchbell.signal('waits')
    watchbell.whenCommitted(called)
    page.fire('pagehide')
    const [address, options] = fetch.mock.calls[0] as unknown as [string, RequestInit]
    expect([address, options.method, options.keepalive]).toEqual([`${BASE}csc-events`, 'POST', true])
    answerAll(page)
    expect(called).toHaveBeenCalledOnce()
  })

  it('begins another page view when it comes back', () => {
    const { page, watchbell } = started()
    const before = watchbell.pageViewId
    answerAll(page)
    page.fire('pagehide')
    page.fire('pageshow')
    expect(watchbell.pageViewId).not.toBe(before)
    expect(sent(page)[1]!.get('e')).toBe(`${watchbell.pageViewId}0`)
  })

  it('sends its last words with the batch alone', () => {
    const page = fakePage()
    class PerformanceObserver {
      constructor(private readonly heard: (list: object) => void) {}
      observe({ type }: { type: string }): void {
        if (type === 'navigation') this.heard({ getEntries: () => [{ responseStart: 5 }] })
      }
      disconnect(): void {}
    }
    Object.assign(page.window, { PerformanceObserver })
    started({ vitals: true }, page)
    answerAll(page)
    page.fire('pagehide')
    expect(batched(page)).toEqual([['vitals']])
    expect(types(page)).toEqual(['pageView'])
  })

  it('divides what is more than a beacon takes', () => {
    const { page, watchbell } = started()
    for (let count = 0; count < 40; count++) watchbell.signal('big', { text: 'x'.repeat(4000) })
    page.fire('pagehide')
    expect(batched(page).flat()).toHaveLength(41)
    expect(Math.max(...page.beacons.map(({ body }) => body.length))).toBeLessThan(61_000)
  })
})

describe('delivery', () => {
  it('tries again what failed, and waits longer each time', () => {
    const { page, watchbell } = started()
    page.images[0]!.onerror()
    expect(stored(page)).toHaveLength(1)
    vi.advanceTimersByTime(2000)
    expect(page.images).toHaveLength(2)
    expect(page.images[1]!.src).toBe(page.images[0]!.src)
    page.images[1]!.onerror()
    vi.advanceTimersByTime(3999)
    expect(page.images).toHaveLength(2)
    vi.advanceTimersByTime(1)
    page.images[2]!.onload()
    expect(stored(page)).toEqual([])
    watchbell.signal('next')
    page.images[3]!.onload()
    expect(page.images).toHaveLength(4)
  })

  it('goes on to the next event, and hears of the slow one later', () => {
    const { page, watchbell } = started()
    watchbell.signal('next')
    vi.advanceTimersByTime(750)
    expect(types(page)).toEqual(['pageView', 'next'])
    page.images[0]!.onerror()
    expect(stored(page)).toHaveLength(1)
    page.images[1]!.onload()
    vi.advanceTimersByTime(2000)
    page.images[2]!.onload()
    page.fire('pagehide')
    expect(types(page)).toEqual(['pageView', 'next', 'pageView'])
    expect(page.beacons).toEqual([])
  })

  it('waits twice as long once for each round, however many events failed', () => {
    const { page, watchbell } = started()
    for (let count = 0; count < 9; count++) watchbell.signal('x')
    for (let at = 0; at < 10; at++) page.images[at]!.onerror()
    vi.advanceTimersByTime(2000)
    for (let at = 10; at < 20; at++) page.images[at]!.onerror()
    vi.advanceTimersByTime(4000)
    expect(page.images).toHaveLength(21)
  })

  it('tries at once when the network is back', () => {
    const { page } = started()
    page.images[0]!.onerror()
    page.fire('online')
    expect(page.images).toHaveLength(2)
  })

  it('keeps fifty events of one day, the newest', () => {
    const { page, watchbell } = started()
    for (let count = 0; count < 60; count++) watchbell.signal(`e${count}`)
    for (let at = 0; at < 61; at++) page.images[at]!.onerror()
    expect(stored(page)).toHaveLength(50)
    expect(new URLSearchParams(stored(page)[49]!.query).get('t')).toBe('e59')
    vi.setSystemTime(NOW + 86_400_001)
    page.fire('online')
    expect(page.images).toHaveLength(61)
    expect(stored(page)).toEqual([])
  })

  it('keeps them in memory where there is no storage, and takes no nonsense from it', () => {
    const broken = fakePage()
    Object.assign(broken.window, { localStorage: undefined })
    started({}, broken)
    broken.images[0]!.onerror()
    broken.fire('online')
    expect(broken.images).toHaveLength(2)

    for (const nonsense of ['{"a":1}', '[null]', 'x']) {
      const page = fakePage()
      page.storage.set('_dvp_queue', nonsense)
      started({}, page)
      answerAll(page)
      expect(types(page)).toEqual(['pageView'])
    }
  })

  it('keeps what it sends until that was answered, and sends it once meanwhile', () => {
    const { page, watchbell } = started()
    page.images[0]!.onerror()
    page.fire('online')
    expect(stored(page)).toHaveLength(1)
    page.fire('online')
    expect(page.images).toHaveLength(2)
    page.images[1]!.onload()
    expect(stored(page)).toEqual([])
    watchbell.signal('next')
    page.images[2]!.onload()
    vi.advanceTimersByTime(120_000)
    expect(page.images).toHaveLength(3)
  })

  it('forgets what a beacon took over', () => {
    const { page } = started()
    page.images[0]!.onerror()
    page.fire('online')
    page.fire('pagehide')
    expect(batched(page)).toEqual([['pageView']])
    expect(stored(page)).toEqual([])
  })

  it('takes nothing twice while it is still sending, however slow the answers are', () => {
    const { page, watchbell } = started({ eventTimeout: 5000 })
    for (let count = 0; count < 49; count++) watchbell.signal('x')
    for (let at = 0; at < 50; at++) page.images[at]!.onerror()
    page.fire('online')
    vi.advanceTimersByTime(50 * 5000 - 1)
    expect(page.images).toHaveLength(100)
    expect(stored(page)).toHaveLength(50)
    answerAll(page, 50)
    expect(stored(page)).toEqual([])
  })

  it('sends what a page took that was killed, after a minute, and not before', () => {
    const killed = started()
    killed.page.images[0]!.onerror()
    killed.page.fire('online')
    const page = fakePage({ cookies: killed.page.cookies })
    killed.page.storage.forEach((value, key) => page.storage.set(key, value))
    vi.clearAllTimers()
    vi.setSystemTime(NOW + 1)

    started({}, page)
    answerAll(page)
    expect(types(page)).toEqual(['pageView'])
    expect(stored(page)).toHaveLength(1)
    vi.advanceTimersByTime(59_999)
    expect(page.images).toHaveLength(1)
    vi.advanceTimersByTime(1)
    expect(page.images[1]!.src).toBe(killed.page.images[0]!.src)
    answerAll(page, 1)
    expect(stored(page)).toEqual([])
  })

  it('does not wait for a clock that was set back', () => {
    const page = fakePage()
    const query = new URL(started().page.images[0]!.src).search.slice(1)
    page.storage.set('_dvp_queue', JSON.stringify([{ query, time: NOW, taken: NOW + 86_400_000 }]))
    started({}, page)
    answerAll(page)
    expect(page.images).toHaveLength(2)
  })

  it('forgets a batch that failed when consent was withdrawn meanwhile', async () => {
    const { page, watchbell } = started()
    answerAll(page)
    let fail: (() => void) | undefined
    const fetch = vi.fn(() => new Promise((_, reject) => (fail = () => reject(new Error('away')))))
    Object.assign(page.window, { fetch })
    Object.assign(page.window.navigator, { sendBeacon: () => false })
    watchbell.signal('long', { text: 'x'.repeat(9000) })
    watchbell.consent('denied')
    fail!()
    await vi.advanceTimersByTimeAsync(600_000)
    expect(fetch).toHaveBeenCalledOnce()
    expect(stored(page)).toEqual([])
  })

  it('sends an event that is too long for an address as a batch', () => {
    const { page, watchbell } = started()
    answerAll(page)
    watchbell.signal('long', { text: 'x'.repeat(9000) })
    expect(batched(page)).toEqual([['long']])
    expect(page.images).toHaveLength(1)
  })
})

describe('page views', () => {
  it('of a single-page application follow its address', () => {
    const { page, watchbell } = started({ routes: 'history' }, fakePage({ referrer: 'https://search.example/' }))
    const { history } = page.window
    const before = watchbell.pageViewId
    history.replaceState(null, '', '/')
    history.pushState(null, '', '/#top')
    history.pushState(null, '', '/cart')
    page.go('/')
    page.fire('popstate')
    answerAll(page)
    expect(sent(page).map((one) => [one.get('l'), one.get('r'), one.get('e')!.slice(-1)])).toEqual([
      ['https://www.example.com/', 'https://search.example/', '0'],
      ['https://www.example.com/cart', 'https://www.example.com/', '0'],
      ['https://www.example.com/', 'https://www.example.com/cart', '0'],
    ])
    expect(watchbell.pageViewId).not.toBe(before)
  })

  it('follow the fragment when asked to', () => {
    const { page } = started({ routes: 'hash' })
    page.go('#/cart')
    page.fire('hashchange')
    answerAll(page)
    const places = ['https://www.example.com/', 'https://www.example.com/#/cart']
    expect(sent(page).map((one) => one.get('l'))).toEqual(places)
  })

  it('may say where they are and where they come from', () => {
    const { page, watchbell } = started({ autoPageView: false })
    watchbell.pageView({ location: 'https://shop.example/a', referrer: '', parameters: { kind: 'list' } })
    watchbell.signal('x')
    watchbell.pageView()
    answerAll(page)
    expect(sent(page).map((one) => [one.get('l'), one.get('r'), one.get('u')])).toEqual([
      ['https://shop.example/a', null, '(skind!list!)'],
      ['https://shop.example/a', null, null],
      ['https://www.example.com/', 'https://shop.example/a', null],
    ])
  })

  it('wait until the page is seen', () => {
    const page = fakePage()
    page.hide(true)
    started({}, page)
    expect(page.images).toHaveLength(0)
    page.hide(false)
    expect(page.images).toHaveLength(1)
  })
})

describe('calls before the script is there', () => {
  it('are made when it is, and later ones at once', () => {
    const page = fakePage()
    const early: Call[] = [['consent', 'cookieless'], ['signal', 'early', { at: 1 }]]
    Object.assign(page.window, { watchbellQueue: early })
    const { watchbell } = started({ consent: 'denied' }, page)
    expect(watchbell.consent()).toBe('cookieless')
    page.window.watchbellQueue!.push(['signal', 'late'])
    page.window.watchbellQueue!.push(['nonsense'] as unknown as Call)
    answerAll(page)
    expect(types(page)).toEqual(['pageView', 'early', 'late'])
  })
})
