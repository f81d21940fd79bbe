/** A question is its address: the time and the conditions stand in the query, so that a link shows the same. */
import { computed, type ComputedRef } from 'vue'
import { useRoute, useRouter, type LocationQuery, type LocationQueryRaw } from 'vue-router'

export const SPANS = [900, 3600, 21_600, 86_400, 604_800, 2_592_000] as const
export const DEFAULT_SPAN = 86_400

export interface Span {
  last?: number
  from?: string
  to?: string
}

const CONDITION = /^\s*[A-Za-z0-9_.\-[\]/ ]+?\s*(!=|!~|>=|<=|=|~|>|<)/

export const isCondition = (text: string): boolean => CONDITION.test(text)

export function listOf(query: LocationQuery, name: string): string[] {
  const found = query[name]
  const list = Array.isArray(found) ? found : [found]
  return list.filter((one): one is string => typeof one === 'string' && one !== '')
}

export const textOf = (query: LocationQuery, name: string): string => listOf(query, name)[0] ?? ''

export function spanOf(query: LocationQuery, usual = DEFAULT_SPAN): Span {
  const from = textOf(query, 'from')
  const to = textOf(query, 'to')
  if (from && to && Date.parse(from) < Date.parse(to)) return { from, to }
  const last = Number(textOf(query, 'last'))
  return { last: last > 0 ? last : usual }
}

export interface Address {
  span: ComputedRef<Span>
  where: ComputedRef<string[]>
  text: (name: string) => string
  list: (name: string) => string[]
  /** Change some of the address; empty takes away. */
  go: (change: Record<string, string | readonly string[] | undefined>, push?: boolean) => void
  zoom: (fromMs: number, toMs: number) => void
  /** A link to this page with a change. */
  link: (change: Record<string, string | readonly string[] | undefined>) => { query: LocationQueryRaw }
}

/** `usual` is the span of an address that names none, in seconds. */
export function useAddress(usual = DEFAULT_SPAN): Address {
  const route = useRoute()
  const router = useRouter()
  const changed = (change: Record<string, string | readonly string[] | undefined>): LocationQueryRaw => {
    const next: LocationQueryRaw = { ...route.query }
    for (const [name, value] of Object.entries(change)) {
      if (value === undefined || value.length === 0) delete next[name]
      else next[name] = typeof value === 'string' ? value : [...value]
    }
    return next
  }
  const go: Address['go'] = (change, push = true) => void (push ? router.push : router.replace)({ query: changed(change) })
  return {
    span: computed(() => spanOf(route.query, usual)),
    where: computed(() => listOf(route.query, 'where')),
    text: (name) => textOf(route.query, name),
    list: (name) => listOf(route.query, name),
    go,
    link: (change) => ({ query: changed(change) }),
    zoom: (fromMs, toMs) => go({ last: undefined, from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() }),
  }
}
