import { flushPromises } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'

import { undoNewest } from '../lib/toasts'
import { click, showPage, type Shown } from '../testing'
import AboutSettings from './AboutSettings.vue'

const STATUS = {
  application: 'watchbell', version: '0.1.0', uptime: 60, role: 'api', collectorUrl: '', keepers: [], lastResultAt: null,
  outbox: { deliver: { count: 0, oldest: 0 } },
  forwards: [
    { name: 'berlin', configured: true, count: 0, oldest: 0 },
    { name: '<b>rome</b>', configured: false, count: 3, oldest: 7200 },
  ],
  switches: { 'auto-refresh-allow': true, 'sender-api-allow': true },
}
const ANSWERS = { 'GET /status': STATUS, 'POST /management/switchboard': { status: 'ok', switches: [] } }

let shown: Shown
/** Terms, what is said of each, and what stands in dialogs. */
const body = (): string => [...document.querySelectorAll('dt, dd, [role=dialog]')].map((one) => (one.textContent ?? '').replaceAll(/\s+/g, ' ').trim()).join(' ')
const show = async (answers: Record<string, unknown> = ANSWERS, scopes?: string[]): Promise<void> => {
  shown = await showPage(AboutSettings, '/settings/about', answers, scopes ? { scopes } : {})
}
afterEach(() => {
  shown.page.unmount()
  document.body.replaceChildren()
  vi.unstubAllGlobals()
})

describe('about', () => {
  it('says what other installations have not been told', async () => {
    await show()
    expect(body()).toContain('Forwarded to berlin everything')
    expect(body()).toContain('Forwarded to <b>rome</b> everything but 3 messages oldest 2 h')
    expect(body()).toContain('the settings name it no more')
  })

  it('asks before no alerts are taken any more, and takes it back', async () => {
    await show()
    await click('Turn off: Alerts from outside')
    expect(shown.calls).toEqual([])
    expect(body()).toContain('Senders are refused')
    await click('Turn off')
    await flushPromises()
    expect(shown.calls.map((call) => call.body)).toEqual([{ 'sender-api-allow': 'OFF' }])
    expect(body()).not.toContain('Senders are refused')
    await undoNewest()
    expect(shown.calls.at(-1)?.body).toEqual({ 'sender-api-allow': 'ON' })
    await undoNewest()
    expect(shown.calls).toHaveLength(2)
  })

  it('turns the other one without asking, and says why it could not', async () => {
    await show({ ...ANSWERS, 'POST /management/switchboard': 503 })
    await click('Turn off: Alerta’s pages refresh')
    await flushPromises()
    expect(shown.calls.map((call) => call.body)).toEqual([{ 'auto-refresh-allow': 'OFF' }])
    expect(document.querySelector('[role=alert]')?.textContent).toContain('refused: POST /management/switchboard')
  })

  it('offers no switch to those who may not turn it', async () => {
    await show(ANSWERS, ['read', 'write'])
    expect(body()).toContain('Alerts from outside on')
    expect(body()).not.toContain('Turn off')
  })
})
