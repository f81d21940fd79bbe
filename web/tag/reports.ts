/** What a page is asked to tell of itself: its JavaScript errors, and how quick it felt (web vitals). */

import type { Page } from './page'

type Signal = (type: string, parameters: object) => void

const MAX_ERRORS = 10
const MAX_TEXT = 1000
/** One slow interaction in fifty is left out, as the definition of INP says. */
const INTERACTIONS_PER_OUTLIER = 50

function cut(text: unknown): string | undefined {
  return text ? String(text).slice(0, MAX_TEXT) : undefined
}

/** Where an error was thrown, as far as the browser says. */
interface Place {
  message?: string
  source?: string
  line?: number
  column?: number
}

/** Signal `error` for each uncaught error and rejected promise: each once, and at most ten for one page. */
export function reportErrors(window: Page, signal: Signal): void {
  const seen: string[] = []
  function report(kind: string, error: unknown, more: Place): void {
    const details = (error || {}) as Partial<Error>
    const message = cut(details.message || more.message || error)
    const key = message + '@' + more.source + ':' + more.line
    if (seen.length >= MAX_ERRORS || seen.indexOf(key) >= 0) return
    seen.push(key)
    const { source, line, column } = more
    signal('error', { kind, name: cut(details.name), message, source, line, column, stack: cut(details.stack) })
  }
  window.addEventListener('error', (event) => {
    const { message, lineno: line, colno: column } = event
    report('error', event.error, { message, source: cut(event.filename), line, column })
  })
  window.addEventListener('unhandledrejection', (event) => report('rejection', event.reason, {}))
}

interface Entry extends PerformanceEntry {
  value: number
  hadRecentInput: boolean
  interactionId: number
  responseStart: number
}

/**
 * Gather web vitals; the result signals `vitals` with what is known, the first time it is called.
 * Times are milliseconds: `ttfb`, `fcp`, `lcp`, `inp`; `cls` has no unit.
 */
export function watchVitals(window: Page, signal: Signal): () => void {
  const vitals: { ttfb?: number; fcp?: number; lcp?: number; inp?: number; cls?: number } = {}
  const interactions: Record<number, number> = {}
  let shift = { first: 0, last: 0, sum: 0 }
  let over = false
  let input = false

  type Observer = PerformanceObserver | undefined

  function observe(type: string, each: (entry: Entry) => void, more?: PerformanceObserverInit): Observer {
    try {
      const observer = new window.PerformanceObserver((list) => (list.getEntries() as Entry[]).forEach(each))
      observer.observe({ type, buffered: true, ...more })
      return observer
    } catch {
      // This browser does not measure it.
      return undefined
    }
  }

  const observers = [
    observe('navigation', (entry) => (vitals.ttfb = Math.round(entry.responseStart))),
    observe('paint', (entry) => {
      if (entry.name === 'first-contentful-paint') vitals.fcp = Math.round(entry.startTime)
    }),
    observe('largest-contentful-paint', (entry) => {
      if (!input) vitals.lcp = Math.round(entry.startTime)
    }),
    observe('layout-shift', (entry) => {
      if (entry.hadRecentInput) return
      const at = entry.startTime
      // Shifts less than a second apart belong together, for five seconds at most; the worst group counts.
      if (at - shift.last >= 1000 || at - shift.first >= 5000) shift = { first: at, last: at, sum: 0 }
      shift.last = at
      shift.sum += entry.value
      vitals.cls = Math.max(vitals.cls || 0, Math.round(shift.sum * 10_000) / 10_000)
    }),
    observe(
      'event',
      (entry) => {
        const id = entry.interactionId
        if (id) interactions[id] = Math.max(interactions[id] || 0, entry.duration)
      },
      { durationThreshold: 40 } as PerformanceObserverInit,
    ),
  ]
  // What is painted after the first input answers it and is no part of loading.
  const stop = (): void => {
    input = true
  }
  window.addEventListener('keydown', stop, { once: true, capture: true })
  window.addEventListener('click', stop, { once: true, capture: true })

  return () => {
    if (over) return
    over = true
    observers.forEach((observer) => observer && observer.disconnect())
    const slowest = Object.keys(interactions)
      .map((id) => interactions[Number(id)]!)
      .sort((a, b) => b - a)
    if (slowest.length) vitals.inp = Math.round(slowest[Math.floor(slowest.length / INTERACTIONS_PER_OUTLIER)]!)
    if (Object.keys(vitals).length) signal('vitals', vitals)
  }
}
