import { describe, expect, it } from 'vitest'

import { lengthOf, relative } from './time'

const NOW = Date.parse('2026-03-01T12:00:00Z')

describe('relative', () => {
  it.each([
    ['2026-03-01T11:59:30Z', '30s ago'],
    ['2026-03-01T11:57:00Z', '3m ago'],
    ['2026-03-01T09:00:00Z', '3h ago'],
    ['2026-02-27T12:00:00Z', '2d ago'],
    ['2026-03-01T12:10:00Z', 'in 10m'],
  ])('%s is %s', (at, said) => {
    expect(relative(at, NOW).replace('min.', 'm').replaceAll('. ', ' ')).toBe(said)
  })

  it('takes a moment ahead by another clock as now', () => {
    expect(relative(NOW + 400, NOW)).toBe(relative(NOW, NOW))
  })
})

describe('lengthOf', () => {
  it.each([
    [0, '0 s'],
    [0.0004, '1 ms'],
    [0.12, '120 ms'],
    [1.5, '1.5 s'],
    [45, '45 s'],
    [60, '1 min'],
    [3900, '1 h 5 min'],
    [86_400, '1 d'],
    [90_061, '1 d 1 h'],
  ])('%s s is %s', (seconds, said) => expect(lengthOf(seconds)).toBe(said))
})
