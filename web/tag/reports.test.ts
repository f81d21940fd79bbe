// @vitest-environment node
import { beforeEach, describe, expect, it, vi } from 'vitest'

import { fakePage } from './fakes'
import { reportErrors, watchVitals } from './reports'

function thrown(page: ReturnType<typeof fakePage>, error: unknown, more: object = {}): void {
  const event = { error, message: `Uncaught ${error}`, lineno: 1, ...more }
  page.window.dispatchEvent(Object.assign(new Event('error'), event))
}

describe('errors', () => {
  it('are told with what is known, each once and ten at most', () => {
    const page = fakePage()
    const signal = vi.fn()
    reportErrors(page.window, signal)
    thrown(page, new TypeError('no such thing'), { filename: 'https://a.example/x.js', lineno: 3, colno: 7 })
    thrown(page, new TypeError('no such thing'), { filename: 'https://a.example/x.js', lineno: 3, colno: 7 })
    expect(signal).toHaveBeenCalledOnce()
    expect(signal.mock.calls[0]).toMatchObject([
      'error',
      { kind: 'error', name: 'TypeError', message: 'no such thing', source: 'https://a.example/x.js', line: 3 },
    ])
    for (let count = 0; count < 20; count++) thrown(page, new Error(`error ${count}`))
    expect(signal).toHaveBeenCalledTimes(10)
  })

  it('may have no error object, and be long', () => {
    const page = fakePage()
    const signal = vi.fn()
    reportErrors(page.window, signal)
    thrown(page, null, { message: 'Script error.' })
    page.window.dispatchEvent(Object.assign(new Event('unhandledrejection'), { reason: 'x'.repeat(5000) }))
    expect(signal.mock.calls[0]![1]).toMatchObject({ kind: 'error', message: 'Script error.' })
    expect(signal.mock.calls[1]![1]).toMatchObject({ kind: 'rejection', message: 'x'.repeat(1000) })
  })
})

describe('vitals', () => {
  let observers: Record<string, (entries: object[]) => void>

  beforeEach(() => {
    observers = {}
  })

  function page(supported: string[]) {
    const fake = fakePage()
    class PerformanceObserver {
      constructor(private readonly heard: (list: { getEntries: () => object[] }) => void) {}
      observe({ type }: { type: string }): void {
        if (!supported.includes(type)) throw new TypeError(`no ${type}`)
        observers[type] = (entries) => this.heard({ getEntries: () => entries })
      }
      disconnect(): void {}
    }
    Object.assign(fake.window, { PerformanceObserver })
    return fake
  }

  it('are told once, as milliseconds and without a unit', () => {
    const { window } = page(['navigation', 'paint', 'largest-contentful-paint', 'layout-shift', 'event'])
    const signal = vi.fn()
    const report = watchVitals(window, signal)
    observers.navigation!([{ responseStart: 101.4 }])
    observers.paint!([{ name: 'first-paint', startTime: 1 }, { name: 'first-contentful-paint', startTime: 250.5 }])
    observers['largest-contentful-paint']!([{ startTime: 300 }, { startTime: 900.2 }])
    observers['layout-shift']!([
      { startTime: 100, value: 0.1, hadRecentInput: false },
      { startTime: 600, value: 0.05, hadRecentInput: false },
      { startTime: 700, value: 9, hadRecentInput: true },
      { startTime: 3000, value: 0.12, hadRecentInput: false },
    ])
    window.dispatchEvent(new Event('click'))
    observers['largest-contentful-paint']!([{ startTime: 5000 }])
    observers.event!([{ interactionId: 0, duration: 999 }])
    observers.event!([{ interactionId: 7, duration: 48 }, { interactionId: 7, duration: 120 }])
    report()
    report()
    expect(signal).toHaveBeenCalledExactlyOnceWith('vitals', { ttfb: 101, fcp: 251, lcp: 900, inp: 120, cls: 0.15 })
  })

  it('leave out one slow interaction in fifty', () => {
    const { window } = page(['event'])
    const signal = vi.fn()
    const report = watchVitals(window, signal)
    const durations = Array.from({ length: 60 }, (_, at) => (at === 30 ? 4000 : 40 + at))
    observers.event!(durations.map((duration, at) => ({ interactionId: at + 1, duration })))
    report()
    expect(signal).toHaveBeenCalledWith('vitals', { inp: 99 })
  })

  it('are silent in a browser that measures nothing', () => {
    const signal = vi.fn()
    watchVitals(fakePage().window, signal)()
    expect(signal).not.toHaveBeenCalled()
  })
})
