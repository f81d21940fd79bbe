/** The console by groups: a heading for each value of a field, and below an open one its alerts, as one list of rows. */
import { keepPreviousData, useQueries, useQuery } from '@tanstack/vue-query'
import { computed, reactive, watch, type ComputedRef, type Ref } from 'vue'

import * as api from '../api/calls'
import type { Alert, Said } from '../api/types'
import { still } from '../live/stream'

export type Group = Said<'alert_reports.grouped'>['groups'][number]
export interface Heading {
  id: string
  heading: Group
  open: boolean
}
export type Line = Alert | Heading
export type Filter = Record<string, string[]>

/** How many alerts of a group, and how many groups, the list shows. */
export const GROUP_ROWS = 100
const MOST_GROUPS = 200
const OPEN_FIRST = 3

export const isHeading = (line: Line | undefined): line is Heading => line !== undefined && 'heading' in line

/** What selects the alerts of one group, in the words of the address. */
export function groupFilter(filter: Filter, by: string, value: string): Filter {
  const name = by === 'tags' ? 'tag' : by
  if (value) return { ...filter, [name]: [value] }
  const without = `NOT _exists_:${by}`
  return { ...filter, q: [filter.q?.length ? `(${filter.q[0]}) AND ${without}` : without] }
}

/** Headings, each followed by the rows of its group when it is open. */
export function linesOf(groups: readonly Group[], isOpen: (value: string) => boolean, rowsOf: (value: string) => readonly Alert[]): Line[] {
  return groups.flatMap((group): Line[] => {
    const open = isOpen(group.value)
    const heading = { id: `group:${group.value}`, heading: group, open }
    // An alert may be in several groups, by each of its services: the row has a name for each.
    return open ? [heading, ...rowsOf(group.value)] : [heading]
  })
}

export interface AlertGroups {
  lines: ComputedRef<Line[]>
  loaded: ComputedRef<Alert[]>
  rowsOf: (value: string) => readonly Alert[]
  toggle: (value: string) => void
  pending: ComputedRef<boolean>
  error: ComputedRef<unknown>
  retry: () => void
}

export function useAlertGroups(by: Ref<string>, filter: Ref<Filter>, sort: Ref<string[]>): AlertGroups {
  const chosen = reactive(new Map<string, boolean>())
  watch(by, () => chosen.clear())

  const grouping = useQuery(() => ({
    queryKey: ['alerts', 'groups', by.value, filter.value],
    queryFn: () => api.alerts.grouped({ ...filter.value, 'group-by': by.value, 'page-size': MOST_GROUPS }),
    enabled: by.value !== '',
    placeholderData: keepPreviousData,
    ...still('alerts'),
  }))
  const groups = computed(() => {
    const asked = filter.value[by.value === 'tags' ? 'tag' : by.value] ?? []
    const all = grouping.data.value?.groups ?? []
    return asked.length ? all.filter(({ value }) => asked.includes(value)) : all
  })
  const isOpen = (value: string): boolean => chosen.get(value) ?? groups.value.slice(0, OPEN_FIRST).some((group) => group.value === value)
  const opened = computed(() => (by.value ? groups.value.map(({ value }) => value).filter(isOpen) : []))
  const members = useQueries({
    queries: computed(() =>
      opened.value.map((value) => ({
        queryKey: ['alerts', 'group', by.value, value, filter.value, sort.value],
        queryFn: () => api.alerts.list({ ...groupFilter(filter.value, by.value, value), 'sort-by': sort.value, 'page-size': GROUP_ROWS }),
        placeholderData: keepPreviousData,
        ...still('alerts'),
      })),
    ),
  })
  const rows = computed(() => new Map(opened.value.map((value, at) => [value, members.value[at]?.data?.alerts ?? []])))
  const rowsOf = (value: string): readonly Alert[] => rows.value.get(value) ?? []
  const lines = computed(() => linesOf(groups.value, isOpen, rowsOf))
  return {
    lines,
    loaded: computed(() => lines.value.filter((line): line is Alert => !isHeading(line))),
    rowsOf,
    toggle: (value) => chosen.set(value, !isOpen(value)),
    pending: computed(() => by.value !== '' && grouping.isPending.value),
    error: computed(() => (by.value ? grouping.error.value : null)),
    retry: () => void grouping.refetch(),
  }
}
