/** What tests of pages share: a page over a server that answers what it is told to, and rows of every kind. */
import { QueryClient, VueQueryPlugin } from '@tanstack/vue-query'
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { vi } from 'vitest'
import type { Component } from 'vue'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'

import { loadSession } from './api/session'
import type { Alert, Blackout, OriginHeartbeat, Pulse } from './api/types'
import { handle } from './keys/keymap'

export const BLACKOUT: Blackout = {
  accept: [], createTime: '2026-01-01T12:00:00.000Z', customer: null, duration: 3600, endTime: '2026-01-01T13:00:00.000Z', environment: 'Production',
  event: null, group: null, href: '', id: 'b1', name: 'Patching', nextTime: null, origin: null, priority: 2, query: null, recurrence: null, remaining: 3600,
  resource: 'web*', service: ['shop', 'mail'], startTime: '2026-01-01T12:00:00.000Z', status: 'active', tags: [], text: 'kernel', user: 'ann',
}

export const ORIGIN: OriginHeartbeat = {
  attributes: {}, createTime: '2026-01-01T12:00:00.000Z', customer: null, href: '', id: 'o1', latency: 12, maxLatency: 2000, origin: 'cron/db01',
  receiveTime: '2026-01-01T12:00:00.012Z', since: 5, status: 'ok', tags: ['db'], timeout: 600, type: 'Heartbeat',
}

export const PULSE: Pulse = {
  id: 'p1', name: 'Nightly backup', slug: '', url: 'http://localhost/ping/p1', every: 3600, grace: 300, lastPing: '2026-01-01T12:00:00.000Z', started: null,
  lastExit: 0, failing: false, enabled: true, description: '',
}

export const alertOf = (id: string, more: Partial<Alert> = {}): Alert =>
  ({
    id, resource: id, event: 'Down', environment: 'Production', severity: 'major', previousSeverity: 'indeterminate', status: 'open', service: ['Shop'], group: 'Misc',
    value: '', text: `${id} is down`, tags: [], attributes: {}, origin: 'test', type: 'exceptionAlert', createTime: '2026-01-01T12:00:00.000Z', timeout: 0,
    rawData: '', customer: null, duplicateCount: 0, repeat: false, trendIndication: 'moreSevere', receiveTime: '2026-01-01T12:00:00.000Z',
    lastReceiveId: id, lastReceiveTime: '2026-01-01T12:00:00.000Z', updateTime: '2026-01-01T12:00:00.000Z', history: [], ...more,
  }) as unknown as Alert

/** A call that a page made. */
export interface Call {
  method: string
  path: string
  body: unknown
}

export interface Shown {
  page: VueWrapper
  router: Router
  /** What the page wrote. */
  calls: Call[]
  /** What the page knows, to tell it that something changed. */
  queries: QueryClient
}

type Answers = Record<string, unknown>

/**
 * A page at an address, as somebody with these scopes sees it. `answers` are by the beginning of `METHOD /path`, the
 * longest that fits; a number is a refusal with this status.
 */
export async function showPage(component: Component, path: string, answers: Answers, options: { scopes?: string[]; props?: Record<string, unknown> } = {}): Promise<Shown> {
  const calls: Call[] = []
  const user = { id: 'u1', login: 'ann', name: 'Ann', email: 'ann@example.org' }
  const every: Answers = { 'GET /session': { user, scopes: options.scopes ?? ['admin', 'read', 'write'], csrf: 'c', severities: [] }, 'GET /config': { environments: [], blackouts: { duration: 3600 }, customer_views: false }, ...answers }
  vi.stubGlobal('fetch', (address: string, init: RequestInit) => {
    const url = new URL(address, 'http://localhost')
    const method = init.method ?? 'GET'
    const asked = `${method} ${url.pathname.replace(/^\/api/, '')}`
    if (method !== 'GET') calls.push({ method, path: url.pathname, body: JSON.parse(String(init.body)) as unknown })
    const found = Object.keys(every).filter((one) => asked.startsWith(one)).toSorted((a, b) => b.length - a.length)[0]
    const answer = found === undefined ? 404 : every[found]
    const said = typeof answer === 'number' ? { status: 'error', message: `refused: ${asked}` } : answer
    return Promise.resolve(new Response(JSON.stringify(said), { status: typeof answer === 'number' ? answer : 200, headers: { 'Content-Type': 'application/json' } }))
  })
  vi.stubGlobal('matchMedia', () => ({ matches: false }))
  // Nothing has a size here, and lists draw only what is in sight.
  vi.spyOn(Element.prototype, 'clientHeight', 'get').mockReturnValue(800)
  vi.spyOn(Element.prototype, 'clientWidth', 'get').mockReturnValue(800)
  Element.prototype.scrollTo = () => undefined
  await loadSession(true)
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:rest(.*)*', component: { template: '<i/>' } }] })
  await router.push(path)
  const queries = new QueryClient({ defaultOptions: { queries: { retry: false } } })
  const page = mount(component, { attachTo: document.body, props: options.props ?? {}, global: { plugins: [router, [VueQueryPlugin, { queryClient: queries }]] } })
  await flushPromises()
  return { page, router, calls, queries }
}

/** Press a key anywhere on the page. */
export async function press(key: string): Promise<void> {
  const event = new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true })
  Object.defineProperty(event, 'target', { value: document.body })
  handle(event)
  await flushPromises()
}

/** Press the button with this name, wherever it stands: dialogs are not inside their page. */
export async function click(name: string): Promise<void> {
  const found = [...document.querySelectorAll<HTMLElement>('button, a')].filter((one) => (one.getAttribute('aria-label') ?? one.textContent ?? '').trim() === name).at(-1)
  if (!found) throw new Error(`There is no button ${name}: ${document.body.textContent ?? ''}`)
  found.click()
  await flushPromises()
}
