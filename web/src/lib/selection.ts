/** Selected rows. While there are some, the list holds still: what changes meanwhile is counted, and shown when asked for. */
import { useQueryClient } from '@tanstack/vue-query'
import { computed, onScopeDispose, reactive, ref, watch, type ComputedRef, type Ref } from 'vue'

import { ALL } from '../live/coalesce'
import { hold, onChanges } from '../live/stream'

interface Listed<Row> {
  loaded: ComputedRef<Row[]>
}

export interface Selection<Row> {
  ids: Set<string>
  rows: ComputedRef<Row[]>
  fresh: Ref<number>
  changed: Ref<number>
  toggle: (row: Row, range: boolean) => void
  all: () => void
  clear: () => void
  show: () => void
}

export function useSelection<Row extends { id: string }>(key: string, topic: string, list: Listed<Row>): Selection<Row> {
  const queries = useQueryClient()
  const picked = reactive(new Map<string, Row>()) as Map<string, Row>
  const ids = reactive(new Set<string>())
  const waiting = reactive(new Set<string>())
  let last = ''
  let release: (() => void) | undefined

  const known = computed(() => new Set(list.loaded.value.map(({ id }) => id)))

  function add(row: Row): void {
    ids.add(row.id)
    picked.set(row.id, row)
  }

  function toggle(row: Row, range: boolean): void {
    const rows = list.loaded.value
    const from = rows.findIndex(({ id }) => id === last)
    const to = rows.findIndex(({ id }) => id === row.id)
    if (range && from >= 0 && to >= 0) rows.slice(Math.min(from, to), Math.max(from, to) + 1).forEach(add)
    else if (!ids.delete(row.id)) add(row)
    last = row.id
  }

  function clear(): void {
    ids.clear()
    picked.clear()
  }

  function show(): void {
    waiting.clear()
    void queries.invalidateQueries({ queryKey: [key] })
  }

  watch(
    () => ids.size > 0,
    (holding) => {
      release?.()
      release = holding ? hold(key) : undefined
      if (!holding && waiting.size) show()
    },
  )
  const stop = onChanges((changes) => {
    if (ids.size === 0) return
    for (const id of changes.get(topic) ?? []) waiting.add(id)
  })
  onScopeDispose(() => {
    release?.()
    stop()
  })

  const fresh = ref(0)
  const changed = ref(0)
  watch([() => [...waiting], known], ([list]) => {
    fresh.value = list.filter((id) => id !== ALL && !known.value.has(id)).length
    changed.value = list.length - fresh.value
  })

  return {
    ids,
    rows: computed(() => [...ids].flatMap((id) => picked.get(id) ?? [])),
    fresh,
    changed,
    toggle,
    all: () => (ids.size ? clear() : list.loaded.value.forEach(add)),
    clear,
    show,
  }
}
