/**
 * Events that could not be sent, kept until they are answered: in the browser's storage when that is allowed and
 * there, else in memory. Bounded in number and age; the oldest go first. Tabs share it: whoever takes an event has it
 * for a minute, and when nothing came of that (the page was closed, or killed) the next one takes it. So an event may be
 * sent twice, but is not lost with the page that was sending it.
 */

import type { Item } from './item'

const KEPT = 50
const MAX_AGE_MS = 24 * 60 * 60 * 1000
/** So long an event belongs to the page that has taken it. */
export const TAKEN_MS = 60_000

/** An item as it is kept: until when (milliseconds since 1970) somebody else is sending it. */
type Kept = Item & { taken?: number }

export interface Store {
  /** Keep what failed; anyone may take it at once. */
  add: (items: Item[]) => void
  /** What may be sent now, oldest first. It stays kept. */
  take: (now: number) => Item[]
  /** Whether anything is kept. */
  any: () => boolean
  /** Forget what was answered. */
  drop: (items: Item[]) => void
  clear: () => void
}

/** `allowed` says whether the browser's storage may be used. */
export function newStore(window: Window, name: string, allowed: () => boolean): Store {
  let memory: Kept[] = []

  function read(): Kept[] {
    if (!allowed()) return memory
    try {
      const items: unknown = JSON.parse(window.localStorage.getItem(name) || '[]')
      return memory.concat(Array.isArray(items) ? (items as Kept[]).filter((item) => item) : [])
    } catch {
      return memory
    }
  }

  function write(items: Kept[]): void {
    memory = items
    if (!allowed()) return
    try {
      if (items.length) window.localStorage.setItem(name, JSON.stringify(items))
      else window.localStorage.removeItem(name)
      memory = []
    } catch {
      // No storage, or it is full: they stay in memory.
    }
  }

  function without(kept: Kept[], items: Item[]): Kept[] {
    return kept.filter((one) => !items.some((item) => item.query === one.query))
  }

  return {
    add: (items) => {
      const all = without(read(), items).concat(items)
      write(all.sort((one, other) => one.time - other.time).slice(-KEPT))
    },
    take: (now) => {
      const kept = read()
      const left = kept.filter((item) => now - item.time < MAX_AGE_MS)
      // A clock that was set back must not keep an event for longer.
      const due = left.filter(({ taken }) => !(taken && taken > now && taken <= now + TAKEN_MS))
      due.forEach((item) => (item.taken = now + TAKEN_MS))
      if (due.length || left.length < kept.length) write(left)
      return due.map(({ query, time }) => ({ query, time }))
    },
    any: () => read().length > 0,
    drop: (items) => {
      const kept = read()
      const left = without(kept, items)
      if (left.length < kept.length) write(left)
    },
    clear: () => {
      memory = []
      try {
        window.localStorage.removeItem(name)
      } catch {
        // Where there is no storage there is nothing to clear.
      }
    },
  }
}
