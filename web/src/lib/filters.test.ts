import { describe, expect, it } from 'vitest'

import { added, grouped, parseWord, queryWith, without, wordsFrom } from './filters'

const FIELDS = ['q', 'status', 'severity', 'service'] as const

describe('filter words and the address', () => {
  it('are the same thing', () => {
    const query = { status: ['open', 'ack'], severity: 'critical', sort: 'event', q: 'disk' }
    const words = wordsFrom(query, FIELDS)
    expect(words.map(({ field, value }) => `${field}=${value}`)).toEqual(['q=disk', 'status=open', 'status=ack', 'severity=critical'])
    expect(queryWith(query, FIELDS, words)).toEqual(query)
  })

  it('keep what is not a filter when all words go', () => {
    expect(queryWith({ sort: 'event', status: 'open' }, FIELDS, [])).toEqual({ sort: 'event' })
  })

  it('are added once, free text is replaced, and each can be removed', () => {
    const open = { field: 'status', value: 'open' }
    const words = added(added([open], open), { field: 'q', value: 'disk' })
    expect(words).toEqual([open, { field: 'q', value: 'disk' }])
    expect(added(words, { field: 'q', value: 'load' }).filter(({ field }) => field === 'q')).toEqual([{ field: 'q', value: 'load' }])
    expect(without(words, open)).toEqual([{ field: 'q', value: 'disk' }])
    expect(grouped([open, { field: 'status', value: 'ack' }])).toEqual({ status: ['open', 'ack'] })
  })

  it.each([
    ['severity:critical', { field: 'severity', value: 'critical' }],
    ['Service = check out', { field: 'service', value: 'check out' }],
    ['disk full', { field: 'q', value: 'disk full' }],
    ['nofield:x', { field: 'q', value: 'nofield:x' }],
    ['http://example', { field: 'q', value: 'http://example' }],
    ['   ', null],
  ])('%s is read as a person means it', (typed, word) => expect(parseWord(typed, FIELDS)).toEqual(word))
})
