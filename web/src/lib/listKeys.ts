/** The keys that every list has: j and k move, Enter opens, f filters, Escape steps back. */
import { computed, ref, watch, type ComputedRef, type Ref } from 'vue'

import { useKeys, type Bindings } from '../keys/keymap'

export interface ListKeys<Row> {
  cursor: Ref<number>
  row: ComputedRef<Row | undefined>
}

export function useListKeys<Row extends { id: string }>(options: {
  total: () => number
  rowAt: (index: number) => Row | undefined
  open: (row: Row) => void
  more?: Bindings
  filter?: () => void
  back?: () => void
  moved?: (row: Row | undefined) => void
}): ListKeys<Row> {
  const cursor = ref(-1)
  const row = computed(() => (cursor.value < 0 ? undefined : options.rowAt(cursor.value)))

  /** The row that the cursor was put on. When others come before it, or go, the cursor goes with it. */
  let held: string | undefined
  watch(cursor, () => (held = row.value?.id), { flush: 'sync' })
  watch([() => row.value?.id, options.total], ([id, total]) => {
    if (cursor.value < 0 || id === held) return
    const now = held === undefined ? -1 : placeOf(held, total)
    if (now >= 0) cursor.value = now
    // It has gone: what took its place is next.
    else if (id === undefined) cursor.value = Math.min(cursor.value, total - 1)
    else held = id
  })

  /** Where the row stands, looked for from the cursor on: it is seldom far. */
  function placeOf(id: string, total: number): number {
    for (let by = 1; by <= Math.max(cursor.value, total); by += 1) {
      const found = [cursor.value + by, cursor.value - by].find((at) => options.rowAt(at)?.id === id)
      if (found !== undefined) return found
    }
    return -1
  }

  function move(by: number): void {
    const last = options.total() - 1
    if (last < 0) return
    cursor.value = Math.min(Math.max(cursor.value + by, 0), last)
    options.moved?.(row.value)
  }

  useKeys({
    j: () => move(1),
    k: () => move(-1),
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    Home: () => move(-Infinity),
    End: () => move(Infinity),
    Enter: () => row.value && options.open(row.value),
    f: () => options.filter?.(),
    Escape: () => options.back?.(),
    ...options.more,
  })
  return { cursor, row }
}
