/** Changes as they come, handed on at most once a second: a storm of alerts is one refetch. */

export type ChangeItems = Record<string, string | string[]>
export type Gathered = Map<string, Set<string>>

export interface Coalescer {
  add: (items: ChangeItems) => void
  /** Everything may have changed. */
  addAll: () => void
  stop: () => void
}

export const ALL = '*'
const TOPICS = ['alert', 'incident', 'check', 'config', 'event', 'people']

export function coalescer(act: (changes: Gathered) => void, every = 1000): Coalescer {
  let gathered: Gathered = new Map()
  let timer: ReturnType<typeof setTimeout> | undefined
  let lastAt = -Infinity

  function flush(): void {
    timer = undefined
    lastAt = Date.now()
    const changes = gathered
    gathered = new Map()
    act(changes)
  }

  function add(items: ChangeItems): void {
    for (const [topic, ids] of Object.entries(items)) {
      const known = gathered.get(topic) ?? new Set<string>()
      for (const id of Array.isArray(ids) ? ids : [ids]) known.add(id)
      gathered.set(topic, known)
    }
    if (timer !== undefined || gathered.size === 0) return
    // A lone change shows at once; those that follow within the second wait for its end.
    timer = setTimeout(flush, Math.max(0, lastAt + every - Date.now()))
  }

  return {
    add,
    addAll: () => add(Object.fromEntries(TOPICS.map((topic) => [topic, [ALL]]))),
    stop: () => clearTimeout(timer),
  }
}
