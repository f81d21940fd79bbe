/** The live connection: server-sent events from `/api/stream`, taken up again where it broke off. */
import type { QueryClient } from '@tanstack/vue-query'
import { reactive, ref } from 'vue'

import { get } from '../api/client'
import { coalescer, type ChangeItems, type Gathered } from './coalesce'

export type LiveState = 'off' | 'connecting' | 'live' | 'lost'

export const liveState = ref<LiveState>('off')

type Listener = (changes: Gathered) => void
const listeners = new Set<Listener>()

/** Hear of changes; answers how to stop. */
export function onChanges(listener: Listener): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

/** Which cached answers each topic makes stale. */
export const STALE: Record<string, readonly string[]> = {
  alert: ['alerts', 'alert', 'services', 'incident'],
  incident: ['incidents', 'incident', 'services'],
  check: ['checks', 'check', 'services', 'status', 'pulses'],
  config: ['objects', 'checks', 'check', 'services', 'pulses', 'schema', 'users', 'keys'],
  event: ['events'],
  people: ['users', 'groups', 'my-groups', 'customers', 'roles', 'keys'],
}

/** Topics that a page holds back while its rows are selected, so that nothing jumps. */
const held = reactive(new Set<string>())
export function hold(key: string): () => void {
  held.add(key)
  return () => held.delete(key)
}

/** For the options of a list's queries: while it is held, neither time nor a window that comes back asks again. */
export function still(key: string): { staleTime: number; refetchInterval: false } | Record<never, never> {
  return held.has(key) ? { staleTime: Infinity, refetchInterval: false } : {}
}

export function staleKeys(changes: Gathered): Set<string> {
  const keys = new Set<string>()
  for (const topic of changes.keys()) for (const key of STALE[topic] ?? []) keys.add(key)
  return keys
}

const RETRY_FIRST = 1000
const RETRY_MOST = 15_000

/** `known` is the newest change before the pages asked for anything; undefined when nobody said. */
export function startLive(queries: QueryClient, known?: number, open = (url: string): EventSource => new EventSource(url)): () => void {
  let source: EventSource | undefined
  let retry = RETRY_FIRST
  let timer: ReturnType<typeof setTimeout> | undefined
  let lastId = -1

  const changes = coalescer((gathered) => {
    for (const key of staleKeys(gathered)) if (!held.has(key)) void queries.invalidateQueries({ queryKey: [key] })
    for (const listener of listeners) listener(gathered)
  })

  function connect(): void {
    liveState.value = liveState.value === 'lost' ? 'lost' : 'connecting'
    const first = lastId < 0
    source = open(first && known !== undefined ? `/api/stream?after=${known}` : '/api/stream')
    source.addEventListener('hello', (event) => {
      const latest = Number((JSON.parse(event.data as string) as { latest?: number }).latest ?? -1)
      // A new connection does not know what it missed: if anything happened meanwhile, all is asked again. What the
      // first one missed is told, unless nobody knows since when.
      if (first ? known === undefined : latest !== lastId) changes.addAll()
      lastId = Math.max(lastId, latest)
      retry = RETRY_FIRST
      liveState.value = 'live'
    })
    source.addEventListener('change', (event) => {
      lastId = Number(event.lastEventId) || lastId
      changes.add(JSON.parse(event.data as string) as ChangeItems)
    })
    source.addEventListener('reset', () => changes.addAll())
    source.onerror = () => {
      liveState.value = 'lost'
      // The browser tries again by itself unless the server refused: then it is our turn.
      if (source?.readyState !== EventSource.CLOSED) return
      // It does not tell why. If the session has ended, any other request says so, and leads to the log-in.
      get('/session').catch(() => undefined)
      timer = setTimeout(connect, retry)
      retry = Math.min(retry * 2, RETRY_MOST)
    }
  }

  connect()
  return () => {
    clearTimeout(timer)
    changes.stop()
    source?.close()
    liveState.value = 'off'
  }
}
