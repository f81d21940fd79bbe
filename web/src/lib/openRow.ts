/** The row that is open beside its list: its id stands in the address. */
import { computed, type ComputedRef } from 'vue'
import { useRoute, useRouter } from 'vue-router'

export function useOpenRow<Row extends { id: string }>(all: () => readonly Row[]): { shown: ComputedRef<Row | undefined>; show: (id: string) => void; open: (row: Row) => void } {
  const route = useRoute()
  const router = useRouter()
  const shown = computed(() => all().find(({ id }) => id === route.query.open))

  function show(id: string): void {
    const { open: _gone, ...rest } = route.query
    void router.replace({ query: id ? { ...rest, open: id } : rest })
  }
  return { shown, show, open: ({ id }) => show(id) }
}
