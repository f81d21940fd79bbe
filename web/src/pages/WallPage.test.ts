import { flushPromises } from '@vue/test-utils'
import { afterEach, expect, test, vi } from 'vitest'

import { alertOf, showPage, type Shown } from '../testing'
import WallPage from './WallPage.vue'

let shown: Shown
afterEach(() => {
  shown.page.unmount()
  vi.unstubAllGlobals()
})

test('the wall says why it shows nothing', async () => {
  shown = await showPage(WallPage, '/wall?q=load+AND+(', { 'GET /alerts': 400 })
  expect(shown.page.find('[role=alert]').text()).toBe('This could not be loaded. refused: GET /alerts')
  expect(shown.page.findAll('.alert')).toHaveLength(0)
})

test('the wall says that what it shows is old', async () => {
  const answers: Record<string, unknown> = { 'GET /alerts': { alerts: [alertOf('one')], total: 1, severityCounts: { major: 1 } } }
  shown = await showPage(WallPage, '/wall', answers)
  expect(shown.page.find('[role=alert]').exists()).toBe(false)
  vi.stubGlobal('fetch', () => Promise.reject(new Error('away')))
  await shown.queries.invalidateQueries({ queryKey: ['alerts'] })
  await flushPromises()
  expect(shown.page.findAll('.alert')).toHaveLength(1)
  expect(shown.page.find('[role=alert]').exists()).toBe(true)
})
