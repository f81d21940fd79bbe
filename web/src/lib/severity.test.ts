import { afterEach, describe, expect, it } from 'vitest'

import { isProblem, LOOKS, lookOf, paintOf, rankOf, severityNames, SHAPES, takeSeverities, worstLook } from './severity'

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

describe('severities of one’s own', () => {
  const own = [
    { name: 'P1', look: 'critical', color: '#b00020' },
    { name: 'P2', look: 'critical', color: '' },
    { name: 'Fine', look: 'ok', color: '' },
    { name: 'Odd', look: 'a look of a newer release', color: '' },
  ]
  afterEach(() => takeSeverities([]))

  it('have the look and the colour that they were given', () => {
    takeSeverities(own)
    expect(own.map(({ name }) => lookOf(name))).toEqual(['critical', 'critical', 'ok', 'unknown'])
    expect([paintOf('P1'), paintOf('P2'), paintOf('gone')]).toEqual([{ '--mark': '#b00020' }, undefined, undefined])
    expect(severityNames()).toEqual(['P1', 'P2', 'Fine', 'Odd'])
  })

  it('are ranked among each other and among the others', () => {
    takeSeverities(own)
    expect(['Fine', 'major', 'P2', 'P1'].toSorted((one, other) => rankOf(one) - rankOf(other))).toEqual(['P1', 'P2', 'major', 'Fine'])
    expect([worstLook(['Fine', 'P2']), worstLook([])]).toEqual(['critical', 'unknown'])
    expect(['P1', 'P2', 'Fine', 'Odd'].map(isProblem)).toEqual([true, true, false, false])
  })
})
