/** Small things that this browser remembers. Without storage (private windows) they last as long as the page. */
import { ref, watch, type Ref } from 'vue'

export function readStored<T>(name: string, fallback: T, area: Storage | undefined = storage('local')): T {
  try {
    const kept = area?.getItem(`watchbell.${name}`)
    return kept ? (JSON.parse(kept) as T) : fallback
  } catch {
    return fallback
  }
}

export function writeStored(name: string, value: unknown, area: Storage | undefined = storage('local')): void {
  try {
    if (value === undefined || value === null) area?.removeItem(`watchbell.${name}`)
    else area?.setItem(`watchbell.${name}`, JSON.stringify(value))
  } catch {
    // Full or forbidden: the choice is not remembered, nothing else is lost.
  }
}

export function storage(which: 'local' | 'session'): Storage | undefined {
  try {
    return which === 'local' ? window.localStorage : window.sessionStorage
  } catch {
    return undefined
  }
}

export function kept<T>(name: string, fallback: T): Ref<T> {
  const value = ref(readStored(name, fallback)) as Ref<T>
  watch(value, (now) => writeStored(name, now), { deep: true })
  return value
}
