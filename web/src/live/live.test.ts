import { QueryClient } from '@tanstack/vue-query'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { whenUnauthorised } from '../api/client'
import { coalescer, type Gathered } from './coalesce'
import { hold, liveState, onChanges, staleKeys, startLive } from './stream'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

const plain = (changes: Gathered): Record<string, string[]> => Object.fromEntries([...changes].map(([topic, ids]) => [topic, [...ids]]))

describe('coalescer', () => {
  it('shows a lone change at once and the storm after it once a second', () => {
    const act = vi.fn<(changes: Gathered) => void>()
    const changes = coalescer(act)
    changes.add({ alert: ['a1'] })
    vi.advanceTimersByTime(0)
    expect(act).toHaveBeenCalledTimes(1)
    for (let n = 0; n < 500; n += 1) {
      changes.add({ alert: [`b${n}`], check: ['c'] })
      vi.advanceTimersByTime(1)
    }
    expect(act).toHaveBeenCalledTimes(1)
    vi.advanceTimersByTime(500)
    expect(act).toHaveBeenCalledTimes(2)
    expect(act.mock.calls[1]?.[0].get('alert')?.size).toBe(500)
    expect(act.mock.calls[1]?.[0].get('check')?.size).toBe(1)
    vi.advanceTimersByTime(5000)
    expect(act).toHaveBeenCalledTimes(2)
  })

  it('takes "*" for many, as a word or in a list', () => {
    const seen: Record<string, string[]>[] = []
    const changes = coalescer((gathered) => seen.push(plain(gathered)))
    changes.add({ alert: '*', check: ['*'] })
    vi.advanceTimersByTime(0)
    expect(seen).toEqual([{ alert: ['*'], check: ['*'] }])
  })
})

class FakeSource extends EventTarget {
  static readonly CLOSED = 2
  readyState = 1
  onerror: (() => void) | null = null
  closed = false
  close(): void {
    this.closed = true
  }
  say(type: string, data: unknown, id = ''): void {
    this.dispatchEvent(new MessageEvent(type, { data: JSON.stringify(data), lastEventId: id }))
  }
  fail(readyState: number): void {
    this.readyState = readyState
    this.onerror?.()
  }
}

describe('startLive', () => {
  const sources: FakeSource[] = []
  const queries = new QueryClient()
  const stale = vi.fn<(filter: { queryKey: string[] }) => Promise<void>>()
  queries.invalidateQueries = stale as unknown as QueryClient['invalidateQueries']
  const keys = (): (string | undefined)[] => stale.mock.calls.map(([filter]) => filter.queryKey[0])
  let stop: () => void
  const urls: string[] = []
  const fetched = vi.fn<typeof fetch>()

  function begin(known?: number): void {
    stop = startLive(queries, known, (url) => {
      const source = new FakeSource()
      sources.push(source)
      urls.push(url)
      return source as unknown as EventSource
    })
  }

  beforeEach(() => {
    vi.stubGlobal('EventSource', FakeSource)
    vi.stubGlobal('fetch', fetched)
    fetched.mockReset().mockImplementation(() => Promise.resolve(new Response('{}', { status: 200 })))
    sources.length = urls.length = 0
    stale.mockReset()
    begin(7)
  })
  afterEach(() => {
    stop()
    vi.unstubAllGlobals()
  })

  it('makes stale what a change touches', () => {
    sources[0]?.say('hello', { latest: 7 })
    expect(liveState.value).toBe('live')
    sources[0]?.say('change', { check: ['c1'] }, '8')
    vi.advanceTimersByTime(0)
    expect(keys()).toEqual(['checks', 'check', 'services', 'status', 'pulses'])
  })

  it('asks everything again after a gap, and nothing when nothing was missed', () => {
    sources[0]?.say('hello', { latest: 7 })
    sources[0]?.fail(FakeSource.CLOSED)
    expect(liveState.value).toBe('lost')
    vi.advanceTimersByTime(1000)
    sources[1]?.say('hello', { latest: 7 })
    vi.advanceTimersByTime(2000)
    expect(stale).not.toHaveBeenCalled()
    sources[1]?.fail(FakeSource.CLOSED)
    vi.advanceTimersByTime(1000)
    sources[2]?.say('hello', { latest: 9 })
    vi.advanceTimersByTime(2000)
    expect(new Set(keys())).toEqual(staleKeys(new Map(['alert', 'incident', 'check', 'config', 'event', 'people'].map((one) => [one, new Set<string>()]))))
  })

  it('begins where the pages began, until there was an answer', () => {
    sources[0]?.fail(FakeSource.CLOSED)
    vi.advanceTimersByTime(1000)
    sources[1]?.say('hello', { latest: 9 })
    sources[1]?.fail(FakeSource.CLOSED)
    vi.advanceTimersByTime(1000)
    expect(urls).toEqual(['/api/stream?after=7', '/api/stream?after=7', '/api/stream'])
    expect(stale).not.toHaveBeenCalled()
  })

  it('asks everything again when nobody knows what happened before the first answer', () => {
    stop()
    begin()
    expect(urls.at(-1)).toBe('/api/stream')
    sources.at(-1)?.say('hello', { latest: 9 })
    vi.advanceTimersByTime(0)
    expect(keys()).toContain('alerts')
  })

  it('finds out whether the session has ended when the server refuses', async () => {
    const ended = vi.fn()
    whenUnauthorised(ended)
    sources[0]?.fail(0)
    expect(fetched).not.toHaveBeenCalled()
    sources[0]?.fail(FakeSource.CLOSED)
    await vi.advanceTimersByTimeAsync(1000)
    expect(fetched.mock.calls.map(([url]) => url)).toEqual(['/api/session'])
    expect(ended).not.toHaveBeenCalled()
    fetched.mockImplementation(() => Promise.resolve(new Response('{}', { status: 401 })))
    sources[1]?.fail(FakeSource.CLOSED)
    await vi.advanceTimersByTimeAsync(1)
    expect(ended).toHaveBeenCalledOnce()
  })

  it('leaves it to the browser to connect again while it tries', () => {
    sources[0]?.fail(0)
    vi.advanceTimersByTime(60_000)
    expect(sources).toHaveLength(1)
  })

  it('holds back a list whose rows are selected, but tells the page', () => {
    const heard: Record<string, string[]>[] = []
    const unhear = onChanges((changes) => heard.push(plain(changes)))
    const release = hold('alerts')
    sources[0]?.say('change', { alert: ['a1'] }, '1')
    vi.advanceTimersByTime(0)
    expect(keys()).not.toContain('alerts')
    expect(keys()).toContain('alert')
    expect(heard).toEqual([{ alert: ['a1'] }])
    release()
    unhear()
  })
})
