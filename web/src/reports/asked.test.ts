import { describe, expect, it } from 'vitest'

import { boundsOf } from './asked'

const NOW = new Date(2026, 2, 15, 10, 42, 7).getTime()

describe('the span of a report', () => {
  it('begins with a day when it has days', () => {
    expect(boundsOf({ last: 7 * 86_400 }, NOW)).toEqual({ from: new Date(2026, 2, 8).toISOString() })
  })

  it('begins with an hour when it is short', () => {
    expect(boundsOf({ last: 86_400 }, NOW)).toEqual({ from: new Date(2026, 2, 14, 10).toISOString() })
  })

  it('is what was chosen', () => {
    const chosen = { from: '2026-01-01T00:00:00.000Z', to: '2026-01-02T00:00:00.000Z' }
    expect(boundsOf(chosen, NOW)).toEqual(chosen)
  })
})
