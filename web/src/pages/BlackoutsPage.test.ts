import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { toasts } from '../lib/toasts'
import { BLACKOUT, click, press, showPage, type Shown } from '../testing'
import BlackoutsPage from './BlackoutsPage.vue'

const NOW = new Date('2026-01-01T12:20:00Z')
const HOSTILE = '<img src=x onerror="document.title=1">'
const ROWS = [
  { ...BLACKOUT, id: 'old', name: 'Old', status: 'expired', startTime: '2025-12-01T00:00:00.000Z', endTime: '2025-12-01T01:00:00.000Z' },
  { ...BLACKOUT, id: 'weekly', name: 'Weekly', status: 'pending', startTime: '2026-01-03T00:00:00.000Z', endTime: '2026-01-03T01:00:00.000Z', recurrence: 'FREQ=WEEKLY', nextTime: '2026-01-03T00:00:00.000Z' },
  { ...BLACKOUT, text: HOSTILE, tags: [HOSTILE] },
  { ...BLACKOUT, id: 'wide', name: 'Wide', resource: null, service: [], endTime: '2999-12-31T23:59:59.000Z' },
]
const ANSWERS = {
  'GET /blackouts': { blackouts: ROWS, more: false, total: 4 },
  'POST /blackouts/preview': { total: 1, silent: 2, ids: ['a1'] },
  'GET /alerts': { alerts: [{ id: 'a1', resource: 'web1', event: 'Down', severity: 'major', text: 'gone' }], total: 1 },
  'PUT /blackout/': { id: 'b1', blackout: BLACKOUT },
  'DELETE /blackout/': { status: 'ok' },
}

let shown: Shown
const lines = (): string[] => shown.page.findAll('[data-index]').map((line) => line.text())
const body = (): string => document.body.textContent ?? ''
async function show(path: string, scopes?: string[]): Promise<void> {
  shown = await showPage(BlackoutsPage, path, ANSWERS, scopes ? { scopes } : {})
}

beforeEach(() => vi.useFakeTimers({ now: NOW, toFake: ['Date'] }))
afterEach(() => {
  shown.page.unmount()
  document.body.replaceChildren()
  toasts.length = 0
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('the page of blackouts', () => {
  it('lists what is in force first, in words and shapes, with what is left', async () => {
    await show('/blackouts')
    expect(lines()).toHaveLength(4)
    expect(lines()[0]).toContain('Active')
    expect(lines()[0]).toContain('ends in 40m')
    expect(lines()[0]).toContain('Production · resource web* · services shop, mail')
    expect(lines()[1]).toContain('until it is deleted')
    expect(lines()[1]).toContain('everything')
    expect(lines()[2]).toContain('Pending')
    expect(lines()[2]).toMatch(/begins in 1\s?d.* recurs/)
    expect(lines()[3]).toContain('Expired')
    expect(shown.page.findAll('[data-shape]').map((one) => one.attributes('data-shape'))).toEqual(['active', 'active', 'pending', 'expired'])
  })

  it('shows what somebody wrote as text', async () => {
    await show('/blackouts?open=b1')
    expect(body()).toContain(HOSTILE)
    expect(document.querySelector('main img, aside img, .table img')).toBeNull()
  })

  it('filters by state and words of the address', async () => {
    await show('/blackouts?status=expired')
    expect(lines()).toHaveLength(1)
    await shown.router.push('/blackouts?q=weekly')
    await flushPromises()
    expect(lines()).toHaveLength(1)
    expect(lines()[0]).toContain('Pending')
    await shown.router.push('/blackouts?q=nothing')
    await flushPromises()
    expect(body()).toContain('No blackout matches these words.')
  })

  it('opens one by key with what it silences now, and warns of one that is for everything', async () => {
    await show('/blackouts')
    await press('j')
    await press('j')
    await press('Enter')
    expect(shown.router.currentRoute.value.query.open).toBe('wide')
    expect(body()).toContain('It silences everything in Production.')
    expect(body()).toContain('2 alerts are silent under it.')
    expect(body()).toContain('web1 Down')
    expect(body()).toContain('and 2 more')
    await press('k')
    expect(shown.router.currentRoute.value.query.open).toBe('b1')
    await press('Escape')
    expect(shown.router.currentRoute.value.query.open).toBeUndefined()
    await press('j')
    expect(shown.router.currentRoute.value.query.open).toBeUndefined()
  })

  it('ends one after asking', async () => {
    await show('/blackouts')
    await press('j')
    await press('c')
    expect(body()).toContain('End Patching now?')
    await click('End now')
    expect(shown.calls.filter(({ method }) => method === 'PUT')).toEqual([{ method: 'PUT', path: '/api/blackout/b1/end', body: {} }])
    expect(toasts.map(({ text }) => text)).toEqual(['Patching has ended.'])
  })

  it('neither ends what is not in force nor deletes without asking', async () => {
    await show('/blackouts?status=pending')
    await press('j')
    await press('c')
    expect(body()).not.toContain('End Weekly now?')
    await press('Delete')
    expect(shown.calls).toEqual([])
    await click('Delete')
    expect(shown.calls).toEqual([{ method: 'DELETE', path: '/api/blackout/weekly', body: {} }])
  })

  it('edits and copies where the form is', async () => {
    await show('/blackouts?open=weekly')
    const links = shown.page.findAll('aside a').map((one) => one.attributes('href'))
    expect(links).toEqual(expect.arrayContaining(['/blackouts/weekly', '/blackouts/new?from=weekly']))
    await press('e')
    expect(shown.router.currentRoute.value.path).toBe('/blackouts/weekly')
  })

  it('has no buttons for who may only read, and its keys do nothing then', async () => {
    await show('/blackouts?open=b1', ['read'])
    const names = [...document.querySelectorAll('button, a.button')].map((one) => one.textContent?.trim())
    expect(names).not.toEqual(expect.arrayContaining(['End now']))
    expect(names.some((name) => ['End now', 'Edit', 'Copy', 'Delete', 'New blackout'].some((one) => name?.startsWith(one)))).toBe(false)
    await press('c')
    await press('Delete')
    await press('e')
    expect(document.querySelector('[role=dialog]')).toBeNull()
    expect(shown.router.currentRoute.value.path).toBe('/blackouts')
    expect(shown.calls).toEqual([])
  })

  it('asks again when one ends by the clock', async () => {
    const asked = vi.fn()
    await show('/blackouts')
    const answer = globalThis.fetch
    vi.stubGlobal('fetch', (address: string, init: RequestInit) => (asked(address), answer(address, init)))
    vi.setSystemTime(new Date('2026-01-01T13:00:01Z'))
    await vi.waitFor(() => expect(lines()[0]).toContain('until it is deleted'), { timeout: 3000 })
    expect(asked.mock.calls.flat()).toContain('/api/blackouts?page=1&page-size=1000')
  })
})
