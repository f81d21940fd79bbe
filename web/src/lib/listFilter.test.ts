import { describe, expect, it } from 'vitest'

import { matching } from './listFilter'

interface Row {
  name: string
  tags: string[]
}
const values = { q: (row: Row) => [row.name, ...row.tags], name: (row: Row) => row.name, tag: (row: Row) => row.tags }
const row = { name: 'Nightly backup', tags: ['db', 'eu'] }

describe('a filter of rows', () => {
  it.each([
    [{}, true],
    [{ q: ['backup', 'DB'] }, true],
    [{ q: ['backup', 'us'] }, false],
    [{ tag: ['us', 'eu'] }, true],
    [{ tag: ['e'] }, false],
    [{ name: ['Nightly'] }, false],
    [{ name: ['Nightly backup'], tag: ['us'] }, false],
    [{ other: ['x'] }, true],
  ])('%j: %s', (filter: Record<string, string[]>, fits) => expect(matching(filter, values)(row)).toBe(fits))
})
