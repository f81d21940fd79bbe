import { afterEach, expect, test, vi } from 'vitest'

import { places, wayTo } from './keys/goto'
import { destination, makeRouter } from './router'

const info = vi.hoisted(() => ({ value: { mustEnrol: false } }))
const scopes = vi.hoisted(() => ({ value: [] as string[] }))
const known = vi.hoisted(() => ({ answer: Promise.resolve(true) }))
vi.mock('./api/session', () => ({ loadSession: () => known.answer, session: { info, may: (scope: string) => scopes.value.includes(scope) } }))
afterEach(() => (scopes.value = []))

test('a session that ends while a page is on its way leads back to that page', async () => {
  const router = makeRouter()
  await router.push('/login')
  expect(destination(router).fullPath).toBe('/login')
  let answer = (): void => undefined
  known.answer = new Promise((resolve) => (answer = (): void => resolve(true)))
  const going = router.push('/services')
  await vi.waitFor(() => expect(destination(router).fullPath).toBe('/services'))
  expect(router.currentRoute.value.fullPath).toBe('/login')
  answer()
  await going
  expect(destination(router).fullPath).toBe('/services')
})

test('whoever must set up a second step is led there from every page, and back', async () => {
  info.value.mustEnrol = true
  const router = makeRouter()
  await router.push('/services?q=x')
  const led = router.currentRoute.value
  info.value.mustEnrol = false
  expect([led.path, led.query.back]).toEqual(['/second-step', '/services?q=x'])
  await router.push('/services?q=x')
  expect(router.currentRoute.value.fullPath).toBe('/services?q=x')
})

test.each([
  ['/settings/blackout', '/blackouts'],
  ['/settings/blackout/new?from=b1', '/blackouts/new?from=b1'],
  ['/settings/heartbeat/h1', '/heartbeats/h1'],
  ['/groups', '/settings/groups'],
  ['/customers', '/settings/customers'],
  ['/perms', '/settings/roles'],
])('%s leads to %s', async (from, to) => {
  const router = makeRouter()
  await router.push(from)
  expect(router.currentRoute.value.fullPath).toBe(to)
})

test('the list of alerts is opened on top of the page before it', async () => {
  const router = makeRouter()
  for (const path of ['/incidents', '/services', '/alerts']) await router.push(path)
  expect(router.currentRoute.value.fullPath).toBe('/alerts?status=open&status=ack')
  router.back()
  await vi.waitFor(() => expect(router.currentRoute.value.fullPath).toBe('/services'))
})

test.each([
  [['read:objects', 'read:management'], '/settings/channel'],
  [['read:keys'], '/settings/keys'],
  [['read:alerts'], '/settings/appearance'],
])('who holds %s finds the settings that they may see', async (holds, first) => {
  scopes.value = holds
  const router = makeRouter()
  await router.push('/settings')
  expect(router.currentRoute.value.fullPath).toBe(first)
})

test('the rail leads to no page that is a refusal', () => {
  scopes.value = ['read:alerts', 'read:checks', 'read:incidents', 'read:services']
  expect(places().map(({ page }) => page)).toEqual(['now', 'alerts', 'incidents', 'services', 'checks', 'reports', 'settings'])
})

test('the rail leads to the same alerts from everywhere', async () => {
  scopes.value = ['read:alerts']
  const router = makeRouter()
  const alerts = places().find(({ page }) => page === 'alerts')
  if (!alerts) throw new Error('no alerts')
  for (const from of ['/services', '/alerts?severity=minor']) {
    await router.push(from)
    await router.push(wayTo(alerts))
    expect(router.currentRoute.value.fullPath).toBe('/alerts?status=open&status=ack')
  }
})
