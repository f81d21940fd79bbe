/**
 * What was typed into a form and not saved: kept for this tab until it is saved or discarded, with the version of what it
 * was typed over, so that what others have saved meanwhile is never overwritten unseen. Secrets are not kept.
 */
import { ref, watch, type ComputedRef, type Ref } from 'vue'

import { ApiError } from '../api/client'
import type { Body, Json } from '../api/types'
import { secretNames, type Names } from './schema'
import { readStored, storage, writeStored } from './store'

/** Of names that people make up, as those of headers. */
const HIDDEN = /pass|secret|token|bearer|key/i
/** The query parameter, and the name by which the server says that it does not hold. */
const VERSION = 'if-version'

interface Kept {
  body: Body
  version: number | null
}

function withoutSecrets(value: Json, names: Names): Json {
  if (Array.isArray(value)) return value.map((one) => withoutSecrets(one, names))
  if (typeof value !== 'object' || value === null) return value
  const hidden = (name: string): boolean => names.secret.has(name) || (!names.open.has(name) && HIDDEN.test(name))
  return Object.fromEntries(Object.entries(value).flatMap(([name, one]) => (hidden(name) ? [] : [[name, withoutSecrets(one, names)]])))
}

export interface Draft {
  /** Whether the form began with what was typed before. */
  was: Ref<boolean>
  /** Whether somebody else has saved meanwhile, and the next save puts this in its place. */
  conflict: Ref<boolean>
  /** What the form begins with; `version` is that of what is stored. */
  restored: (start: Body, version?: number) => Body
  /** The version that a save is for; undefined when it is for whichever there is. Asked once for each save. */
  version: () => number | undefined
  /** Takes an error of a save; whether it is that somebody else has saved meanwhile. */
  overtaken: (error: unknown) => boolean
  forget: () => void
}

export function useDraft(name: ComputedRef<string>, body: Ref<Body | undefined>, names: () => Names = () => secretNames([])): Draft {
  const was = ref(false)
  const conflict = ref(false)
  let start = ''
  let base: number | undefined
  let over = false
  const area = storage('session')
  const key = (): string => `typed.${name.value}`

  watch(
    body,
    (now) => {
      if (!now || over) return
      const open = withoutSecrets(now, names())
      writeStored(key(), JSON.stringify(open) === start ? null : { body: open, version: base ?? null }, area)
    },
    { deep: true },
  )

  return {
    was,
    conflict,
    restored(fresh, version) {
      start = JSON.stringify(withoutSecrets(fresh, names()))
      over = false
      conflict.value = false
      const found = readStored<Kept | null>(key(), null, area)
      was.value = found !== null
      base = found ? (found.version ?? undefined) : version
      if (!found) return fresh
      const config = { ...((fresh.config ?? {}) as Body), ...((found.body.config ?? {}) as Body) }
      return { ...fresh, ...found.body, ...('config' in fresh ? { config } : {}) }
    },
    version() {
      const wanted = conflict.value ? undefined : base
      conflict.value = false
      return wanted
    },
    overtaken(error) {
      conflict.value = error instanceof ApiError && error.problems.some(({ field }) => field === VERSION)
      return conflict.value
    },
    forget() {
      over = true
      was.value = false
      conflict.value = false
      writeStored(key(), null, area)
    },
  }
}
