// @vitest-environment node
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { startDivolte } from './divolte'
import { type Facts, type FakePage, fakePage } from './fakes'
import type { DivolteSettings } from './settings'
import { type TagRun, vectors } from './vectors'

const SETTINGS: DivolteSettings = {
  name: 'divolte.js', suffix: 'csc-event', partyCookie: '_dvp', partySeconds: 63_072_000, sessionCookie: '_dvs',
  sessionSeconds: 1800, domain: '', eventTimeout: 750, autoPageView: true, logging: false,
}
const NOW = 1_700_000_000_000
const PAGE_VIEW = 'LZElFJzyis9tve~fwv891KsAe9lB~PXi'

beforeEach(() => {
  vi.useFakeTimers()
  vi.setSystemTime(NOW)
})
afterEach(() => vi.useRealTimers())

function started(facts: Facts = {}, settings: Partial<DivolteSettings> = {}) {
  const page = fakePage({ random: [], ...facts })
  return { page, divolte: startDivolte(page.window, { ...SETTINGS, ...settings }) }
}

function sent(page: FakePage): URLSearchParams[] {
  return page.images.map((image) => new URL(image.src).searchParams)
}

/** Answer everything that is asked for, and what is asked for then. */
function answerAll(page: FakePage): void {
  for (let at = 0; at < page.images.length; at++) page.images[at]!.onload()
}

function replayed(run: TagRun) {
  const input = run.input
  const view = String(run.module_state.pageViewId).slice(2)
  vi.setSystemTime(input.client_now_ms)
  const { page, divolte } = started({
    url: input.page_url, referrer: input.referrer ?? '', script: input.script_src,
    cookies: input.cookies_before, ratio: input.device_pixel_ratio, random: [view],
  })
  const returned = run.signal_return_values ?? []
  const later = run.requests.slice(1)
  const values = returned.map((value) => {
    if (value === null) return divolte.signal('')
    const { eventType, eventParameters } = later.shift()!.expected
    return divolte.signal(eventType, eventParameters ?? undefined)
  })
  answerAll(page)
  return { page, divolte, values }
}

describe('recorded runs', () => {
  it.each(vectors.tag_runs)('$name', (run) => {
    const { page, divolte, values } = replayed(run)
    const asked = run.requests.map((request) => new URL(request.url).href)
    expect(page.images.map((image) => new URL(image.src).href)).toEqual(asked)
    expect(page.images.map((image) => image.src)).toEqual(run.requests.map((request) => request.url))
    expect(values).toEqual(run.signal_return_values ?? [])
    expect(page.written).toEqual(run.set_cookie_strings_via_document_cookie)
    expect(divolte).toMatchObject(run.module_state)
  })
})

describe('parties and sessions', () => {
  it('are new without cookies, which only the first event says', () => {
    const { page, divolte } = started()
    divolte.signal('second')
    answerAll(page)
    expect(sent(page).map((one) => [one.get('n'), one.get('f')])).toEqual([['t', 't'], ['f', 'f']])
    expect(divolte.isNewPartyId).toBe(true)
    expect(divolte.isFirstInSession).toBe(true)
    expect(divolte.partyId).toMatch(/^0:loyw3v28:/)
    expect(page.cookies).toEqual({ _dvp: divolte.partyId, _dvs: divolte.sessionId })
  })

  it('use the names, times and domain of the settings', () => {
    const other = { partyCookie: 'p.1', partySeconds: 60, sessionCookie: 's', sessionSeconds: 5, domain: 'example.com' }
    const { page } = started({ cookies: { pX1: 'wrong', 'p.1': '0:1:right' } }, other)
    expect(sent(page)[0]!.get('p')).toBe('0:1:right')
    const where = 'path=/; expires=Tue, 14 Nov 2023 22:14:20 GMT; max-age=60; domain=example.com'
    expect(page.written[1]).toBe(`p.1=0:1:right; ${where}`)
  })
})

describe('page views', () => {
  it('start when the page is first seen', () => {
    const page = fakePage({ random: [] })
    page.hide(true)
    startDivolte(page.window, SETTINGS)
    expect(page.images).toHaveLength(0)
    page.hide(false)
    page.hide(true)
    page.hide(false)
    expect(sent(page).map((one) => one.get('t'))).toEqual(['pageView'])
  })

  it('start with the first signal of a hidden page', () => {
    const page = fakePage()
    page.hide(true)
    const divolte = startDivolte(page.window, SETTINGS)
    expect(divolte.signal('x')).toBe(divolte.pageViewId + '1')
    page.hide(false)
    answerAll(page)
    expect(sent(page).map((one) => one.get('t'))).toEqual(['pageView', 'x'])
  })

  it('are not signalled when the settings say so', () => {
    const { page, divolte } = started({}, { autoPageView: false })
    expect(page.images).toHaveLength(0)
    expect(divolte.signal('x')).toBe(divolte.pageViewId + '0')
  })

  it('begin anew when a page comes back from memory', () => {
    const { page, divolte } = started()
    const before = divolte.pageViewId
    page.fire('pageshow')
    page.fire('pagehide')
    page.fire('pageshow')
    answerAll(page)
    expect(divolte.pageViewId).not.toBe(before)
    expect(sent(page).map((one) => one.get('e'))).toEqual([before + '0', divolte.pageViewId + '0'])
  })

  it('take their identifier from the script address, and keep it', () => {
    const { page, divolte } = started({ script: 'https://track.example.com/divolte.js?a=/b#my:id' })
    expect(divolte).toMatchObject({ pageViewId: 'my:id', isServerPageView: true })
    page.fire('pagehide')
    page.fire('pageshow')
    answerAll(page)
    expect(sent(page).map((one) => one.get('e'))).toEqual(['my:id0', 'my:id1'])
    expect(page.images[0]!.src).toMatch(/^https:\/\/track\.example\.com\/csc-event\?p=/)
  })

  it('refuse an identifier with a slash', () => {
    expect(() => started({ script: 'https://track.example.com/divolte.js#a/b' })).toThrow(/slash/)
  })

  it('number their events in lower-case hexadecimal', () => {
    const { divolte } = started({ random: ['A'.repeat(32), 'B'.repeat(32), PAGE_VIEW] })
    let id: string | null = null
    for (let count = 0; count < 26; count++) id = divolte.signal('x')
    expect(id).toBe(`0:${PAGE_VIEW}1a`)
  })
})

describe('delivery', () => {
  it('asks for one picture at a time, the next after an answer, an error or the time-out', () => {
    const { page, divolte } = started()
    for (const type of ['a', 'b', 'c']) divolte.signal(type)
    expect(page.images).toHaveLength(1)
    page.images[0]!.onload()
    expect(page.images).toHaveLength(2)
    page.images[1]!.onerror()
    expect(page.images).toHaveLength(3)
    vi.advanceTimersByTime(749)
    expect(page.images).toHaveLength(3)
    vi.advanceTimersByTime(1)
    expect(page.images).toHaveLength(4)
    page.images[2]!.onload()
    expect(sent(page).map((one) => one.get('t'))).toEqual(['pageView', 'a', 'b', 'c'])
  })

  it('calls back at once when nothing is pending, behind what is, or after the time given', () => {
    const { page, divolte } = started()
    const called: string[] = []
    divolte.whenCommitted(() => called.push('behind'))
    divolte.whenCommitted(() => called.push('timed'), 100)
    expect(called).toEqual([])
    vi.advanceTimersByTime(100)
    expect(called).toEqual(['timed'])
    page.images[0]!.onload()
    expect(called).toEqual(['timed', 'behind'])
    divolte.whenCommitted(() => called.push('at once'), 100)
    vi.advanceTimersByTime(1000)
    expect(called).toEqual(['timed', 'behind', 'at once'])
  })

  it('goes on after a callback that throws', () => {
    const { page, divolte } = started()
    divolte.whenCommitted(() => {
      throw new Error('the page is wrong')
    })
    divolte.signal('after')
    expect(() => page.images[0]!.onload()).toThrow('the page is wrong')
    expect(page.images).toHaveLength(2)
  })
})

describe('the module', () => {
  it('is a global, or goes to a loader', () => {
    const global = fakePage()
    const divolte = startDivolte(global.window, SETTINGS)
    expect(global.window.divolte).toBe(divolte)

    const amd = fakePage()
    let made: unknown
    amd.window.define = Object.assign((make: () => unknown) => void (made = make()), { amd: {} })
    expect(startDivolte(amd.window, SETTINGS)).toBe(made)
    expect(amd.window.divolte).toBeUndefined()

    const common = fakePage()
    const module = { exports: {} }
    Object.assign(common.window, { module })
    expect(startDivolte(common.window, SETTINGS)).toBe(module.exports)
  })

  it('leaves one that is there alone and sends nothing', () => {
    const page = fakePage()
    const there = { signal: () => null }
    Object.assign(page.window, { divolte: there })
    startDivolte(page.window, SETTINGS)
    expect(page.window.divolte).toBe(there)
    expect(page.images).toHaveLength(0)
    expect(page.written).toEqual([])
  })

  it('is found by its name where the browser does not name the running script', () => {
    const page = fakePage()
    const sources = ['https://a.example/other.js', 'https://t.example/x/divolte.js?v=1#view']
    const getElementsByTagName = () => sources.map((src) => ({ src }))
    Object.assign(page.window.document, { currentScript: undefined, getElementsByTagName })
    const divolte = startDivolte(page.window, SETTINGS)
    expect(divolte.pageViewId).toBe('view')
    expect(page.images[0]!.src).toMatch(/^https:\/\/t\.example\/x\/csc-event\?/)
    sources.push('https://u.example/divolte.js')
    expect(() => startDivolte(page.window, SETTINGS)).toThrow(/several/)
    sources.length = 1
    expect(() => startDivolte(page.window, SETTINGS)).toThrow(/finds no script/)
  })
})
