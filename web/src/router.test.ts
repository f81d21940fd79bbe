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
