/** What was typed into a form and not saved: kept for this tab until it is saved or discarded. Secrets are not kept. */
import { ref, watch, type ComputedRef, type Ref } from 'vue'

import type { Body, Json } from '../api/types'
import { readStored, storage, writeStored } from './store'

const HIDDEN = /pass|secret|token|bearer|key/i

function withoutSecrets(value: Json): Json {
  if (Array.isArray(value)) return value.map(withoutSecrets)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).flatMap(([name, one]) => (HIDDEN.test(name) ? [] : [[name, withoutSecrets(one)]])))
}

export function useDraft(
  name: ComputedRef<string>,
  body: Ref<Body | undefined>,
): { was: Ref<boolean>; restored: (start: Body) => Body; forget: () => void } {
  const was = ref(false)
  let start = ''
  let over = false
  const area = storage('session')

  watch(
    body,
    (now) => {
      if (!now || over) return
      const text = JSON.stringify(withoutSecrets(now))
      writeStored(`draft.${name.value}`, text === start ? null : JSON.parse(text), area)
    },
    { deep: true },
  )

  return {
    was,
    restored(fresh) {
      start = JSON.stringify(withoutSecrets(fresh))
      over = false
      const found = readStored<Body | null>(`draft.${name.value}`, null, area)
      was.value = found !== null
      if (!found) return fresh
      const config = { ...((fresh.config ?? {}) as Body), ...((found.config ?? {}) as Body) }
      return { ...fresh, ...found, ...('config' in fresh ? { config } : {}) }
    },
    forget() {
      over = true
      was.value = false
      writeStored(`draft.${name.value}`, null, area)
    },
  }
}
