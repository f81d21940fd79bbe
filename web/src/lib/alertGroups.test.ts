import { describe, expect, it } from 'vitest'

import type { Alert } from '../api/types'
import { actOnIds } from './alertActions'
import { newSince } from './alarmSound'
import { groupFilter, isHeading, linesOf } from './alertGroups'

const group = (value: string, count = 1) => ({ value, count, severityCounts: { major: count }, statusCounts: { open: count } })
const alert = (id: string) => ({ id }) as Alert

describe('a grouped list', () => {
  it('has a heading for each group, and the rows of those that are open', () => {
    const lines = linesOf([group('web', 2), group('db')], (value) => value === 'web', () => [alert('a'), alert('b')])
    expect(lines.map(({ id }) => id)).toEqual(['group:web', 'a', 'b', 'group:db'])
    expect(lines.map(isHeading)).toEqual([true, false, false, true])
  })

  it('asks for the alerts of one group beside what was asked for already', () => {
    expect(groupFilter({ status: ['open'] }, 'service', 'web')).toEqual({ status: ['open'], service: ['web'] })
    expect(groupFilter({}, 'tags', 'dc=1')).toEqual({ tag: ['dc=1'] })
    expect(groupFilter({ q: ['disk OR load'] }, 'service', '')).toEqual({ q: ['(disk OR load) AND NOT _exists_:service'] })
    expect(groupFilter({}, 'origin', '')).toEqual({ q: ['NOT _exists_:origin'] })
  })
})

describe('acting on many alerts', () => {
  it('takes few requests, and tells what was changed and what was refused', async () => {
    const asked: number[] = []
    const ids = Array.from({ length: 200 }, (_, n) => `alert-${n}`)
    const done = await actOnIds('ack', ids, (query) => {
      const some = query.id as string[]
      asked.push(some.length)
      if (some.includes('alert-199')) return Promise.reject(new Error('gone'))
      return Promise.resolve({ message: '', status: 'ok', updated: some.slice(1), refused: { [some[0] ?? '']: 'is closed' } })
    })
    expect(asked).toEqual([80, 80, 40])
    expect(done.updated).toHaveLength(158)
    expect(done.failed).toBe(42)
  })
})

describe('the sound', () => {
  it('is for what came later only', () => {
    expect(newSince([{ receiveTime: '2026-01-01T12:00:00.000Z' }], '2026-01-01T12:00:00.000Z')).toBe(false)
    expect(newSince([{ receiveTime: '2026-01-01T12:00:01.000Z' }], '2026-01-01T12:00:00.000Z')).toBe(true)
  })
})
