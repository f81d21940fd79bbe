import { describe, expect, it } from 'vitest'

import type { Body } from '../api/types'
import { BLACKOUT } from '../testing'
import { beginning, conditions, copied, lastsForEver, previewOf, reach, stateAt } from './blackouts'

const now = new Date('2026-05-01T10:00:00Z')
const by = { now, length: 7200, login: 'bob' }

describe('blackouts', () => {
  it('are told by what an alert must have', () => {
    expect(conditions(BLACKOUT)).toEqual([['environment', ['Production']], ['resource', ['web*']], ['service', ['shop', 'mail']]])
  })

  it.each([
    [{ environment: 'Production' }, 'environment'],
    [{ environment: 'Production', service: [], tags: [] }, 'environment'],
    [{ environment: 'Production', origin: 'nagios' }, 'origin'],
    [{ environment: 'Production', origin: 'nagios', event: 'Down' }, undefined],
    [{ environment: 'Production', customer: 'Acme' }, undefined],
    [{ environment: 'Production', query: 'tags:rack1' }, undefined],
    [{ environment: '*', origin: 'nagios' }, undefined],
    [{ environment: '' }, undefined],
  ])('%j reaches %s', (body: Body, found) => expect(reach(body)).toBe(found))

  it('stand by the clock', () => {
    const at = (time: string) => stateAt(BLACKOUT, Date.parse(time))
    expect([at('2026-01-01T11:59:59Z'), at('2026-01-01T12:00:00Z'), at('2026-01-01T13:00:00Z')]).toEqual(['pending', 'active', 'expired'])
  })

  it('last for ever or not', () => {
    expect([lastsForEver(BLACKOUT), lastsForEver({ endTime: '2999-12-31T23:59:59.000Z' })]).toEqual([false, true])
  })

  it('ask for a preview with texts where they say nothing', () => {
    expect(previewOf(BLACKOUT)).toMatchObject({ environment: 'Production', resource: 'web*', event: '', customer: '', service: ['shop', 'mail'], accept: [] })
  })

  it('begin now, are whose they are, and last as the settings say', () => {
    const made = beginning({ name: '', duration: 0 }, by)
    expect(made).toMatchObject({ duration: 7200, user: 'bob' })
    expect(Date.parse(String(made.start))).toBe(now.getTime())
  })

  it('are copied to begin now and last as long, unless they recur', () => {
    const once = copied({ start: '2026-01-01T12:00:00Z', end: '2026-01-01T12:10:00Z', duration: 0, user: 'ann' }, by)
    expect(once).toMatchObject({ end: '', duration: 600, user: 'bob' })
    expect(Date.parse(String(once.start))).toBe(now.getTime())
    expect(copied({ start: '', end: '', duration: 0 }, by).duration).toBe(7200)
    const weekly = { start: '2026-01-01T12:00:00Z', duration: 60, recurrence: 'FREQ=WEEKLY', ended: '2026-02-01T12:00:30Z' }
    expect(copied(weekly, by)).toMatchObject({ ...weekly, ended: '', user: 'bob' })
  })
})
