import { focusManager, QueryClient, VueQueryPlugin } from '@tanstack/vue-query'
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, expect, test, vi } from 'vitest'
import { computed, defineComponent, ref } from 'vue'

import { hold } from '../live/stream'
import { usePagedRows, type PageOf, type PagedRows } from './pagedRows'

type Page = PageOf<string>
let page: VueWrapper | undefined
afterEach(() => page?.unmount())

function paged(load: (filter: string, page: number) => Promise<Page>): { list: PagedRows<string, Page>; filter: { value: string }; again: () => void } {
  const filter = ref('all')
  const again = ref(0)
  let list: PagedRows<string, Page> | undefined
  const Probe = defineComponent(() => {
    const key = computed(() => (void again.value, ['things', filter.value] as const))
    list = usePagedRows(key, (page) => load(filter.value, page), 2)
    return () => null
  })
  page = mount(Probe, { global: { plugins: [[VueQueryPlugin, { queryClient: new QueryClient({ defaultOptions: { queries: { staleTime: 5_000, refetchInterval: 60_000 } } }) }]] } })
  return { list: list as unknown as PagedRows<string, Page>, filter, again: () => (again.value += 1) }
}

test('what was refused shows no rows of before', async () => {
  const { list, filter } = paged((asked) => (asked === 'bad' ? Promise.reject(new Error('refused')) : Promise.resolve({ rows: ['one', 'two'], total: 2 })))
  await flushPromises()
  expect(list.loaded.value).toEqual(['one', 'two'])
  filter.value = 'bad'
  await vi.waitFor(() => expect(list.error.value).toEqual(new Error('refused')))
  expect([list.total.value, list.loaded.value, list.rowAt(0)]).toEqual([0, [], undefined])
  filter.value = 'all'
  await flushPromises()
  expect([list.total.value, list.error.value]).toEqual([2, null])
})

test('the pages in sight stay wanted when the same list is asked for in other words', async () => {
  const { list, again } = paged((_, page) => Promise.resolve({ rows: [`${page}a`, `${page}b`], total: 20 }))
  list.show(8, 9)
  await flushPromises()
  expect(list.rowAt(8)).toBe('5a')
  again()
  await flushPromises()
  expect(list.rowAt(8)).toBe('5a')
})

test('a held list is not asked for again by time or by a window that comes back', async () => {
  vi.useFakeTimers()
  const load = vi.fn(() => Promise.resolve({ rows: ['one'], total: 1 }))
  paged(load)
  await vi.advanceTimersByTimeAsync(61_000)
  expect(load).toHaveBeenCalledTimes(2)
  const release = hold('things')
  await vi.advanceTimersByTimeAsync(300_000)
  focusManager.setFocused(false)
  focusManager.setFocused(true)
  await vi.advanceTimersByTimeAsync(10)
  expect(load).toHaveBeenCalledTimes(2)
  release()
  await vi.advanceTimersByTimeAsync(61_000)
  expect(load).toHaveBeenCalledTimes(3)
  focusManager.setFocused(undefined)
  vi.useRealTimers()
})
