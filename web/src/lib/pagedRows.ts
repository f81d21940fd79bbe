/** A long list of which only the pages in sight are asked for, so that 100,000 rows cost what fifty do. */
import { keepPreviousData, useQueries } from '@tanstack/vue-query'
import { computed, ref, shallowRef, watch, type ComputedRef, type Ref } from 'vue'

import { still } from '../live/stream'

export interface PageOf<Row> {
  rows: Row[]
  total: number
}

export interface PagedRows<Row, Page extends PageOf<Row>> {
  total: ComputedRef<number>
  rowAt: (index: number) => Row | undefined
  loaded: ComputedRef<Row[]>
  first: ComputedRef<Page | undefined>
  show: (from: number, to: number) => void
  pending: ComputedRef<boolean>
  error: ComputedRef<unknown>
  retry: () => void
}

export function usePagedRows<Row, Page extends PageOf<Row>>(
  key: Ref<readonly unknown[]>,
  load: (page: number) => Promise<Page>,
  pageSize: number,
): PagedRows<Row, Page> {
  const wanted = ref<number[]>([1])
  const results = useQueries({
    queries: computed(() =>
      wanted.value.map((page) => ({
        queryKey: [...key.value, page],
        queryFn: () => load(page),
        placeholderData: keepPreviousData,
        retry: false,
        ...still(String(key.value[0])),
      })),
    ),
  })
  // The first page that was ever seen under this key answers for the total while others load.
  const seen = shallowRef<Page | undefined>()
  // By what it says: the key may be made anew without asking for anything else.
  watch(() => JSON.stringify(key.value), () => {
    wanted.value = [1]
    seen.value = undefined
  })

  const byPage = computed(() => new Map(wanted.value.map((page, at) => [page, results.value[at]?.data as Page | undefined])))
  const first = computed(() => byPage.value.get(wanted.value[0] ?? 1) ?? seen.value)
  // What stands in from before answers only until the server has said something, be it that it refuses.
  watch([first, () => results.value[0]?.isPlaceholderData], ([page, standsIn]) => standsIn || (seen.value = page))

  function show(from: number, to: number): void {
    const pages: number[] = []
    for (let page = Math.floor(from / pageSize) + 1; page <= Math.floor(to / pageSize) + 1; page += 1) pages.push(page)
    if (pages.join() !== wanted.value.join()) wanted.value = pages
  }

  return {
    total: computed(() => first.value?.total ?? 0),
    rowAt: (index) => byPage.value.get(Math.floor(index / pageSize) + 1)?.rows[index % pageSize],
    loaded: computed(() => [...byPage.value.values()].flatMap((page) => page?.rows ?? [])),
    first,
    show,
    pending: computed(() => !first.value && results.value.some((one) => one.isPending)),
    error: computed(() => (first.value ? null : (results.value.find((one) => one.error)?.error ?? null))),
    retry: () => results.value.forEach((one) => void one.refetch()),
  }
}
