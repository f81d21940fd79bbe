/** Lists that are read whole: the words of the address choose among the rows, and tabs count them by their state. */
import { computed, type ComputedRef } from 'vue'
import { useRoute, type RouteLocationRaw } from 'vue-router'

import { text } from '../text/en'
import { grouped, wordsFrom } from './filters'

/** For each field of the filter what a row has of it; of `q` everything that is looked through. */
export type Values<Row> = Record<string, (row: Row) => string | readonly string[]>

/** Whether a row has all that is asked: of `q` every word, of any other field one of its values. */
export function matching<Row>(filter: Record<string, string[]>, values: Values<Row>): (row: Row) => boolean {
  return (row) =>
    Object.entries(filter).every(([field, wanted]) => {
      const found = values[field]?.(row)
      if (found === undefined) return true
      if (field === 'q') return wanted.every((part) => [found].flat().join(' ').toLowerCase().includes(part.toLowerCase()))
      return wanted.some((one) => [found].flat().includes(one))
    })
}

export interface Tab {
  key: string
  title: string
  count: number
  to: RouteLocationRaw
  active: boolean
}

export function useListFilter<Row>(
  all: () => readonly Row[],
  values: Values<Row>,
  states: Record<string, string> = {},
): { fields: string[]; rows: ComputedRef<Row[]>; tabs: ComputedRef<Tab[]> } {
  const route = useRoute()
  const fields = Object.keys(values)
  const filter = computed(() => grouped(wordsFrom(route.query, fields)))
  const tabs = computed(() => {
    const { status: _gone, ...rest } = route.query
    const now = filter.value.status ?? []
    const n = (state: string): number => all().filter((row) => [values.status?.(row) ?? []].flat().includes(state)).length
    const tab = (key: string, title: string, count: number): Tab => ({
      key,
      title,
      count,
      to: { query: key ? { ...rest, status: key } : rest },
      active: key ? now.length === 1 && now[0] === key : now.length === 0,
    })
    return [tab('', text.common.all, all().length), ...Object.entries(states).map(([key, title]) => tab(key, title, n(key))).filter(({ count, active }) => count || active)]
  })
  return { fields, rows: computed(() => all().filter(matching(filter.value, values))), tabs }
}
