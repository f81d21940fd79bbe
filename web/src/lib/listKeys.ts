/** The keys that every list has: j and k move, Enter opens, f filters, Escape steps back. */
import { computed, ref, type ComputedRef, type Ref } from 'vue'

import { useKeys, type Bindings } from '../keys/keymap'

export interface ListKeys<Row> {
  cursor: Ref<number>
  row: ComputedRef<Row | undefined>
}

export function useListKeys<Row>(options: {
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
