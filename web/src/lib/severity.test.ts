import { describe, expect, it } from 'vitest'

import { isProblem, LOOKS, lookOf, rankOf, SHAPES } from './severity'

describe('severities', () => {
  it('each have a shape of their own', () => {
    const shapes = LOOKS.map((look) => `${SHAPES[look].path}${SHAPES[look].hollow ?? false}`)
    expect(new Set(shapes).size).toBe(LOOKS.length)
  })

  it.each([
    ['critical', 'critical'],
    ['Critical', 'critical'],
    ['normal', 'ok'],
    ['cleared', 'ok'],
    ['indeterminate', 'unknown'],
    ['pending', 'unknown'],
    ['debug', 'informational'],
    ['anything', 'unknown'],
    ['constructor', 'unknown'],
  ])('%s looks like %s', (severity, look) => expect(lookOf(severity)).toBe(look))

  it('are ranked worst first, and only some are problems', () => {
    expect(rankOf('critical')).toBeLessThan(rankOf('major'))
    expect(['warning', 'security'].every(isProblem)).toBe(true)
    expect(['informational', 'normal', 'unknown'].some(isProblem)).toBe(false)
  })
})
