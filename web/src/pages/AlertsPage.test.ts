import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import type { Alert } from '../api/types'
import { toasts } from '../lib/toasts'
import { alertOf, click, press, showPage, type Shown } from '../testing'
import AlertsPage from './AlertsPage.vue'

const page = { statusCounts: {}, severityCounts: {} }
let rows: Alert[]
let answers: Record<string, unknown>
let shown: Shown
/** What was asked and written, each as `METHOD /path?query`. */
let asked: string[]
const written = (): string[] => asked.filter((one) => !one.startsWith('GET'))
const lastAsked = (path: string): URLSearchParams => new URL(asked.filter((one) => one.startsWith(`GET /api${path}?`)).at(-1)?.slice(4) ?? '/', 'http://localhost').searchParams
const cursorId = (): string | undefined => shown.page.find('.line.cursor').attributes('data-id')

/** The server answers with these rows from now on. */
function list(): void {
  Object.assign(page, { alerts: rows, total: rows.length })
}
async function show(path: string): Promise<void> {
  shown = await showPage(AlertsPage, path, answers)
  const answer = globalThis.fetch
  vi.stubGlobal('fetch', (address: string, init: RequestInit) => {
    asked.push(`${init.method ?? 'GET'} ${address}`)
    return answer(address, init)
  })
}
/** A worse alert comes and stands first. */
async function arrive(id = 'new'): Promise<void> {
  rows = [alertOf(id, { severity: 'security' }), ...rows]
  list()
  await shown.queries.invalidateQueries({ queryKey: ['alerts'] })
  await flushPromises()
}

beforeEach(() => {
  asked = []
  rows = ['one', 'two', 'three'].map((id) => alertOf(id))
  answers = {
    'GET /alerts': page,
    'GET /environments': { environments: [{ environment: 'Production', count: 3 }], total: 1 },
    'GET /views': { views: [] },
    'PUT /_bulk/alerts/action': { updated: [], refused: {} },
  }
  for (const id of ['one', 'two', 'three', 'new', 'far']) answers[`GET /alert/${id}`] = { alert: alertOf(id) }
  list()
})
afterEach(() => {
  shown.page.unmount()
  document.body.replaceChildren()
  toasts.length = 0
  vi.unstubAllGlobals()
})

describe('what the keys act on', () => {
  it('stays the row of the cursor when others come before it, and has the focus', async () => {
    await show('/alerts?status=open')
    await press('j')
    await press('j')
    expect(cursorId()).toBe('two')
    await arrive()
    expect(cursorId()).toBe('two')
    expect(document.activeElement?.getAttribute('data-id')).toBe('two')
    await press('a')
    expect(written()).toEqual(['PUT /api/_bulk/alerts/action?id=two'])
  })

  it('is the next row when that of the cursor has gone, and the last when there is no next', async () => {
    await show('/alerts?status=open')
    await press('j')
    await press('j')
    const away = async (id: string): Promise<void> => {
      rows = rows.filter((row) => row.id !== id)
      list()
      await shown.queries.invalidateQueries({ queryKey: ['alerts'] })
      await flushPromises()
    }
    await away('two')
    expect(cursorId()).toBe('three')
    expect(document.activeElement?.getAttribute('data-id')).toBe('three')
    await away('three')
    expect(cursorId()).toBe('one')
  })

  it('does not take the focus from who types', async () => {
    await show('/alerts?status=open')
    await press('j')
    shown.page.find<HTMLInputElement>('form input').element.focus()
    await arrive()
    expect(cursorId()).toBe('one')
    expect(document.activeElement?.tagName).toBe('INPUT')
  })

  it('is the alert that is open, also by a link and when it is not in the list', async () => {
    await show('/alerts?status=open&open=far')
    await press('a')
    expect(written()).toEqual(['PUT /api/_bulk/alerts/action?id=far'])
  })

  it('is what a dialog was opened for', async () => {
    answers['PUT /alert/'] = { status: 'ok' }
    await show('/alerts?status=open')
    await press('j')
    await press('n')
    rows = [alertOf('two'), alertOf('three')]
    list()
    await shown.queries.invalidateQueries({ queryKey: ['alerts'] })
    await flushPromises()
    const area = document.querySelector<HTMLTextAreaElement>('[role=dialog] textarea')
    expect(area).not.toBeNull()
    if (!area) return
    area.value = 'looked at'
    area.dispatchEvent(new Event('input'))
    area.form?.dispatchEvent(new Event('submit', { cancelable: true }))
    await flushPromises()
    expect(written()).toEqual(['PUT /api/alert/one/note'])
  })
})

describe('the tabs of environments', () => {
  it('count what the rest of the filter says, and keep the one that was chosen', async () => {
    await show('/alerts?status=open')
    await shown.router.push('/alerts?status=open&severity=critical&q=disk&environment=Staging&by=service')
    await flushPromises()
    expect(lastAsked('/environments').toString()).toBe('q=disk&status=open&severity=critical&q.df=any')
    const tabs = shown.page.findAll('nav a').map((one) => one.text())
    expect(tabs).toEqual(['All3', 'Production3', 'Staging0'])
  })

  it('shows and sorts by an attribute that somebody chose as a column', async () => {
    localStorage.setItem('watchbell.alert-columns', JSON.stringify(['resource', 'attributes.region']))
    rows = [alertOf('a', { attributes: { region: '<b>EU</b>', owner: 'x' } })]
    list()
    await show('/alerts')
    expect(shown.page.find('[data-id=a]').text()).toContain('<b>EU</b>')
    await click('region')
    await flushPromises()
    expect(shown.router.currentRoute.value.query.sort).toBe('attributes.region')
    localStorage.removeItem('watchbell.alert-columns')
  })
})
