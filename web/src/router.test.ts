import { expect, test, vi } from 'vitest'

import { destination, makeRouter } from './router'

vi.mock('./api/session', () => ({ loadSession: () => Promise.resolve(true), session: {} }))

test('a session that ends while a page is on its way leads back to that page', async () => {
  const router = makeRouter()
  await router.push('/login')
  expect(destination(router).fullPath).toBe('/login')
  const going = router.push('/services')
  await vi.waitFor(() => expect(destination(router).fullPath).toBe('/services'))
  expect(router.currentRoute.value.fullPath).toBe('/login')
  await going
  expect(destination(router).fullPath).toBe('/services')
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
