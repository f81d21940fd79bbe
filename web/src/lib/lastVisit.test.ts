import { mount } from '@vue/test-utils'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { defineComponent } from 'vue'

import { useLastVisit } from './lastVisit'
import { readStored } from './store'

let before = ''
const visit = () => mount(defineComponent(() => ((before = useLastVisit('seen')), () => null)))
const seen = (): string => readStored('seen', '')
const at = (time: string): string => {
  vi.setSystemTime(new Date(`2026-01-01T${time}:00Z`))
  return `2026-01-01T${time}:00.000Z`
}
function see(state: 'hidden' | 'visible'): void {
  vi.spyOn(document, 'visibilityState', 'get').mockReturnValue(state)
  document.dispatchEvent(new Event('visibilitychange'))
}
beforeEach(() => vi.useFakeTimers())
afterEach(() => {
  vi.useRealTimers()
  localStorage.clear()
})

test('a visit ends also when the page is loaded anew, closed or put away', () => {
  const page = visit()
  expect([before, seen()]).toEqual(['', ''])
  const closed = at('10:00')
  window.dispatchEvent(new Event('pagehide'))
  expect(seen()).toBe(closed)
  const away = at('11:00')
  see('hidden')
  expect(seen()).toBe(away)
  at('12:00') // what came meanwhile was seen by nobody
  window.dispatchEvent(new Event('pagehide'))
  expect(seen()).toBe(away)
  see('visible')
  const left = at('13:00')
  page.unmount()
  expect(seen()).toBe(left)
  at('14:00')
  window.dispatchEvent(new Event('pagehide'))
  expect(seen()).toBe(left)
  visit().unmount()
  expect(before).toBe(left)
})
