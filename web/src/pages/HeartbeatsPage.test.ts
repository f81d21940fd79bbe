import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { toasts } from '../lib/toasts'
import { click, ORIGIN, press, PULSE, showPage, type Shown } from '../testing'
import HeartbeatsPage from './HeartbeatsPage.vue'

const HOSTILE = '<script>document.title=1</script>'
const ANSWERS = {
  'GET /heartbeats': {
    heartbeats: [ORIGIN, { ...ORIGIN, id: 'o2', origin: HOSTILE, latency: 4000 }, { ...ORIGIN, id: 'o3', origin: 'probe', receiveTime: '2026-01-01T11:00:00.000Z' }],
    more: false,
  },
  'GET /pulses': { pulses: [PULSE, { ...PULSE, id: 'p2', name: 'Import', failing: true, lastExit: 2 }] },
  'GET /alerts': { alerts: [{ id: 'a1', resource: 'probe', event: 'HeartbeatFail', severity: 'major', status: 'open', text: 'Heartbeat not received in 600 seconds', customer: null }], total: 1 },
  'DELETE /': { status: 'ok' },
}

let shown: Shown
const lines = (): string[] => shown.page.findAll('[data-index]').map((line) => line.text())
const body = (): string => document.body.textContent ?? ''

beforeEach(() => vi.useFakeTimers({ now: new Date('2026-01-01T12:00:05Z'), toFake: ['Date'] }))
afterEach(() => {
  shown.page.unmount()
  document.body.replaceChildren()
  toasts.length = 0
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('the page of heartbeats', () => {
  it('lists origins and jobs, the worst first, with the alert of one that fell silent', async () => {
    shown = await showPage(HeartbeatsPage, '/heartbeats', ANSWERS)
    const words = ['Expired', 'Failed', 'Slow', 'OK', 'OK']
    expect(lines().map((line) => words.find((word) => line.startsWith(word)))).toEqual(words)
    expect(shown.page.get('[data-index] a[href="/alerts/a1"]').text()).toBe('HeartbeatFail')
    expect(lines()[2]).toContain(HOSTILE)
    expect(document.querySelector('.table script')).toBeNull()
  })

  it('filters by state and by words', async () => {
    shown = await showPage(HeartbeatsPage, '/heartbeats?status=slow', ANSWERS)
    expect(lines()).toHaveLength(1)
    await shown.router.push('/heartbeats?kind=ping&q=night')
    await flushPromises()
    expect(lines()).toHaveLength(1)
    expect(lines()[0]).toContain('Nightly backup')
  })

  it('watches an origin no longer after asking', async () => {
    shown = await showPage(HeartbeatsPage, '/heartbeats', ANSWERS)
    await press('j')
    await press('Enter')
    expect(shown.page.get('aside').text()).toContain('Heartbeat not received in 600 seconds')
    await press('Delete')
    expect(body()).toContain('Delete probe?')
    expect(shown.calls).toEqual([])
    await click('Delete')
    expect(shown.calls).toEqual([{ method: 'DELETE', path: '/api/heartbeat/o3', body: {} }])
    expect(toasts.map(({ text }) => text)).toEqual(['probe was deleted.'])
  })

  it('shows where a job pings, and edits and deletes it as the object that it is', async () => {
    shown = await showPage(HeartbeatsPage, '/heartbeats?open=ping-p2', ANSWERS)
    expect(shown.page.get('aside').text()).toContain('curl -fsS http://localhost/ping/p1')
    await press('Delete')
    await click('Delete')
    expect(shown.calls).toEqual([{ method: 'DELETE', path: '/api/objects/heartbeat/p2', body: {} }])
    await press('e')
    expect(shown.router.currentRoute.value.path).toBe('/heartbeats/p2')
  })

  it('shows no address to who is told none', async () => {
    const pulses = [{ ...PULSE, id: PULSE.name, url: '' }]
    shown = await showPage(HeartbeatsPage, `/heartbeats?open=ping-${PULSE.name}`, { ...ANSWERS, 'GET /pulses': { pulses } }, { scopes: ['read'] })
    expect(shown.page.get('aside').text()).toContain(PULSE.name)
    expect(shown.page.get('aside').text()).not.toContain('curl')
  })

  it('has no buttons for who may only read', async () => {
    shown = await showPage(HeartbeatsPage, '/heartbeats?open=origin-o1', ANSWERS, { scopes: ['read'] })
    await press('Delete')
    const names = [...document.querySelectorAll('button, a.button')].map((one) => one.textContent?.trim())
    expect(names.some((name) => name?.startsWith('Delete') || name?.startsWith('New'))).toBe(false)
  })

  it('says how to begin where there are none', async () => {
    shown = await showPage(HeartbeatsPage, '/heartbeats', { ...ANSWERS, 'GET /heartbeats': { heartbeats: [], more: false }, 'GET /pulses': { pulses: [] } })
    expect(body()).toContain('/api/heartbeat -H')
    expect(body()).toContain('alerta --endpoint-url')
  })
})
