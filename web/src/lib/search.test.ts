import { describe, expect, it } from 'vitest'

import { asQuery } from './search'

describe('what is typed, as a query', () => {
  it('wants every word, wherever it stands', () => {
    expect(asQuery(' web07 High ')).toBe('*web07* AND *High*')
    expect(asQuery('  ')).toBe('')
  })

  it('takes syntax as words', () => {
    expect(asQuery('C:\\x')).toBe('*C\\:\\\\x*')
    expect(asQuery('a"(b)')).toBe('*a\\"\\(b\\)*')
    expect(asQuery('Größe')).toBe('*Größe*')
  })

  it('is never longer than the server takes', () => {
    expect(asQuery(`${'x'.repeat(500)} `.repeat(50)).length).toBeLessThan(2000)
  })
})
