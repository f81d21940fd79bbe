/** What the report and the archive share: the span and the filters of the address, as the API takes them. */
import { computed, type ComputedRef } from 'vue'
import { useRoute } from 'vue-router'

import type { Query } from '../api/client'
import { spanOf, useAddress, type Address, type Span } from '../explore/address'
import { grouped, wordsFrom } from '../lib/filters'

export const REPORT_SPANS = [86_400, 604_800, 2_592_000, 7_776_000, 31_536_000] as const
export const REPORT_SPAN = 2_592_000
export const REPORT_FIELDS = ['resource', 'event', 'service', 'environment', 'severity'] as const
const SHARED = ['last', 'from', 'to', ...REPORT_FIELDS]

/** A span of days begins with a day of whoever looks, a shorter one with an hour, so that points are what people call them. */
export function boundsOf(span: Span, now: number): { from: string; to?: string } {
  if (span.from && span.to) return { from: span.from, to: span.to }
  const last = span.last ?? REPORT_SPAN
  const begin = new Date(now - last * 1000)
  if (last > 2 * 86_400) begin.setHours(0, 0, 0, 0)
  else begin.setMinutes(0, 0, 0)
  return { from: begin.toISOString() }
}

export interface Asked {
  address: Address
  filters: ComputedRef<Record<string, string[]>>
  query: ComputedRef<Query>
  /** The span and the filters alone, for links between the two pages. */
  shared: ComputedRef<Record<string, string[] | string>>
}

export function useAsked(): Asked {
  const route = useRoute()
  const filters = computed(() => grouped(wordsFrom(route.query, REPORT_FIELDS)))
  return {
    address: useAddress(REPORT_SPAN),
    filters,
    query: computed(() => ({ ...filters.value, ...boundsOf(spanOf(route.query, REPORT_SPAN), Date.now()) })),
    shared: computed(() => Object.fromEntries(Object.entries(route.query).filter((one): one is [string, string | string[]] => SHARED.includes(one[0]) && one[1] !== null))),
  }
}
