// @vitest-environment node
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { fakePage } from './fakes'
import { BASE, NOW, PARTY, SESSION, answerAll, sent, started, stored, types } from './running'

beforeEach(() => {
  vi.useFakeTimers()
  vi.setSystemTime(NOW)
})
afterEach(() => vi.useRealTimers())

describe('consent', () => {
  const cookies = { _dvp: PARTY, _dvs: SESSION }

  it('when pending holds everything back, reads and stores nothing', () => {
    const { page, watchbell } = started({ consent: 'pending' }, fakePage({ cookies }))
    watchbell.signal('early', { at: 1 })
    vi.advanceTimersByTime(5000)
    expect([page.images.length, page.written.length, page.storage.size]).toEqual([0, 0, 0])
    expect(watchbell.partyId).not.toBe(PARTY)
    expect(watchbell.consent('granted')).toBe('granted')
    answerAll(page)
    expect(types(page)).toEqual(['pageView', 'early'])
    expect(sent(page).map((one) => [one.get('p'), one.get('c')])).toEqual([[PARTY, 'loyw3v28'], [PARTY, 'loyw3v28']])
    expect(watchbell.partyId).toBe(PARTY)
  })

  it('when denied sends nothing and removes what was stored', () => {
    const { page, watchbell } = started({}, fakePage({ cookies }))
    page.images[0]!.onerror()
    expect(stored(page)).toHaveLength(1)
    watchbell.consent('denied')
    expect(watchbell.signal('x')).toBeNull()
    expect([page.cookies, page.storage.size]).toEqual([{}, 0])
    expect(watchbell.partyId).not.toBe(PARTY)
    page.fire('online')
    page.fire('pagehide')
    expect([page.images.length, page.beacons.length]).toEqual([1, 0])
    watchbell.consent('granted')
    expect(watchbell.signal('y')).toBeTruthy()
    expect(page.cookies._dvp).toBe(watchbell.partyId)
  })

  it('when denied drops what was held', () => {
    const { page, watchbell } = started({ consent: 'pending' })
    watchbell.consent('denied')
    watchbell.consent('cookieless')
    answerAll(page)
    expect(types(page)).toEqual([])
    watchbell.signal('x')
    expect(types(page)).toEqual(['x'])
  })

  it('when cookieless sends and stores nothing, a new party on each page', () => {
    const { page, watchbell } = started({ consent: 'cookieless' }, fakePage({ cookies }))
    watchbell.signal('x')
    page.images[0]!.onerror()
    expect(types(page)).toEqual(['pageView', 'x'])
    expect(sent(page).map((one) => one.get('p'))).toEqual([watchbell.partyId, watchbell.partyId])
    expect(sent(page).map((one) => one.get('n'))).toEqual(['t', 'f'])
    expect(watchbell.partyId).not.toBe(PARTY)
    expect([page.written.length, page.storage.size]).toEqual([0, 0])
  })

  it('that nobody understands is none', () => {
    const { page, watchbell } = started({ consent: 'yes' as 'granted' })
    expect(watchbell.consent()).toBe('denied')
    expect(watchbell.consent('sure' as 'granted')).toBe('denied')
    expect(page.images).toHaveLength(0)
  })

  it('withdrawn to cookieless begins as somebody new', () => {
    const { page, watchbell } = started({}, fakePage({ cookies }))
    answerAll(page)
    watchbell.consent('cookieless')
    watchbell.signal('x')
    expect(page.cookies).toEqual({})
    expect(sent(page)[1]!.get('p')).not.toBe(PARTY)
  })

  it.each([
    [{ globalPrivacyControl: true }, 'denied', 'granted'],
    [{ doNotTrack: '1' }, 'granted', 'cookieless'],
    [{ doNotTrack: '0', globalPrivacyControl: false }, 'granted', 'granted'],
  ] as const)('heeds what the browser says as the settings say: %o', (signals, gpc, dnt) => {
    const page = fakePage()
    Object.assign(page.window.navigator, signals)
    expect(started({ gpc: 'denied' }, page).watchbell.consent()).toBe(gpc)
    expect(started({ dnt: 'cookieless' }, page).watchbell.consent()).toBe(dnt)
    expect(started({}, page).watchbell.consent()).toBe('granted')
  })
})

describe('sessions', () => {
  it('roll when the page was idle for longer than the session lives', () => {
    const { page, watchbell } = started()
    const before = watchbell.sessionId
    answerAll(page)
    vi.setSystemTime(NOW + 1_800_000)
    watchbell.signal('in time')
    delete page.cookies._dvs // as the browser does when its time is over
    vi.setSystemTime(NOW + 3_600_001)
    watchbell.signal('too late')
    watchbell.signal('again')
    answerAll(page, 1)
    expect(sent(page).map((one) => one.get('f'))).toEqual(['t', 'f', 't', 'f'])
    expect(sent(page).map((one) => one.get('s') === before)).toEqual([true, true, false, false])
    expect(watchbell.sessionId.split(':')[1]).toBe((NOW + 3_600_001).toString(36))
    expect(page.cookies._dvs).toBe(watchbell.sessionId)
  })

  it('are the one of another tab that was busy meanwhile', () => {
    const { page, watchbell } = started()
    page.cookies._dvs = SESSION
    vi.setSystemTime(NOW + 3_600_001)
    watchbell.signal('x')
    answerAll(page)
    expect([sent(page)[1]!.get('s'), sent(page)[1]!.get('f')]).toEqual([SESSION, 'f'])
  })
})

describe('cookies', () => {
  it('say where they are sent, and over HTTPS only from there', () => {
    const { page } = started()
    expect(page.written.map((text) => text.slice(text.indexOf('max-age')))).toEqual([
      'max-age=1800; samesite=lax; secure',
      'max-age=63072000; samesite=lax; secure',
    ])
    const plain = started({ sameSite: 'strict' }, fakePage({ url: 'http://a.example/' })).page
    expect(plain.written[0]).toMatch(/samesite=strict$/)
  })

  it('may be forbidden: then everyone is new', () => {
    const page = fakePage()
    const forbidden = (): never => {
      throw new DOMException('sandboxed', 'SecurityError')
    }
    Object.defineProperty(page.window.document, 'cookie', { get: forbidden, set: forbidden })
    const { watchbell } = started({}, page)
    expect(watchbell.signal('x')).toBeTruthy()
    expect(sent(page)[0]!.get('n')).toBe('t')
  })
})

describe('the cookie of the server', () => {
  it('is asked for, and written here when the answer could not', () => {
    const { page } = started({ serverCookie: true })
    expect(sent(page)[0]!.get('ck')).toBe('1')
    expect(Object.keys(page.cookies)).toEqual(['_dvs'])
    page.images[0]!.onload()
    expect(Object.keys(page.cookies)).toEqual(['_dvs', '_dvp'])
  })

  it('is not asked for without consent', () => {
    const { page } = started({ serverCookie: true, consent: 'cookieless' })
    page.fire('pagehide')
    expect(sent(page)[0]!.get('ck')).toBeNull()
    expect(page.beacons[0]!.address).toBe(`${BASE}csc-events`)
  })
})
