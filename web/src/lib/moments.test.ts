import { describe, expect, it } from 'vitest'

import { toLocal, toStored } from './moments'

describe('moments', () => {
  // On days of a change, but at hours that are left out nowhere: what does not exist cannot be the same.
  it.each(['2026-03-29T05:30', '2026-11-21T22:00', '2026-10-25T03:05'])('%s is the same after it was stored', (local) => {
    const stored = toStored(local)
    expect(stored).toMatch(/^2026-\d\d-\d\dT\d\d:\d\d:00[+-]\d\d:\d\d$/)
    expect(toLocal(stored)).toBe(local)
    expect(new Date(stored).getTime()).toBe(new Date(local).getTime())
  })

  it('are nothing when they are no times', () => {
    expect([toLocal(''), toLocal('soon'), toStored(''), toStored('soon')]).toEqual(['', '', '', ''])
  })
})
