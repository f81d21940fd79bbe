/** Whether a dialog is open that asks about a row: it is while there is one, and forgets it when it closes. */
import { computed, type Ref, type WritableComputedRef } from 'vue'

export const askingAbout = <Row>(row: Ref<Row | undefined>): WritableComputedRef<boolean> =>
  computed({ get: () => row.value !== undefined, set: (on) => on || (row.value = undefined) })
