import { describe, expect, it } from 'vitest'

import type { Alert } from '../api/types'
import { ORIGIN, PULSE } from '../testing'
import { alertOf, beatsOf, dueAt } from './heartbeats'

const NOON = Date.parse('2026-01-01T12:00:00Z')
const states = (origins: object[], pulses: object[], now = NOON): string[] =>
  beatsOf(origins.map((one) => ({ ...ORIGIN, ...one })), pulses.map((one) => ({ ...PULSE, ...one })), now).map(({ state }) => state)

describe('heartbeats', () => {
  it.each([
    [{}, NOON, 'ok'],
    [{ latency: 2001 }, NOON, 'slow'],
    [{}, NOON + 600_013, 'expired'],
    [{ timeout: 0 }, NOON * 2, 'ok'],
  ])('of an origin with %j', (one, now, state) => expect(states([one], [], now)).toEqual([state]))

  it.each([
    [{}, 'ok'],
    [{ lastPing: null }, 'waiting'],
    [{ failing: true }, 'expired'],
    [{ failing: true, lastExit: 3 }, 'failed'],
    [{ failing: true, enabled: false }, 'off'],
  ])('of a job with %j', (one, state) => expect(states([], [one])).toEqual([state]))

  it('stand with the worst first, and never share an id', () => {
    const list = beatsOf([ORIGIN, { ...ORIGIN, id: 'p1', origin: 'slow', latency: 9999 }], [{ ...PULSE, failing: true }], NOON)
    expect(list.map(({ name }) => name)).toEqual(['Nightly backup', 'slow', 'cron/db01'])
    expect(new Set(list.map(({ id }) => id)).size).toBe(3)
  })

  it('are due again', () => {
    const [job, origin] = beatsOf([ORIGIN], [{ ...PULSE, failing: true }], NOON)
    expect(job && dueAt(job)).toBe(NOON + 3900_000)
    expect(origin && dueAt({ ...origin, origin: { ...ORIGIN, timeout: 0 } })).toBeUndefined()
  })

  it('know their alert, also where an origin and a job have the same name', () => {
    const alerts = [
      { id: 'a', resource: 'x', event: 'HeartbeatFail', customer: 'Acme' },
      { id: 'b', resource: 'x', event: 'HeartbeatFail', customer: null },
      { id: 'c', resource: 'x', event: 'Heartbeat', customer: null },
    ] as Alert[]
    const beats = beatsOf([{ ...ORIGIN, origin: 'x' }, { ...ORIGIN, origin: 'x', customer: 'Acme' }, ORIGIN], [{ ...PULSE, name: 'x' }], NOON)
    const found = Object.fromEntries(beats.map((one) => [`${one.kind} ${one.name} ${one.origin?.customer ?? ''}`, alertOf(one, alerts)?.id]))
    expect(found).toEqual({ 'origin x ': 'b', 'origin x Acme': 'a', 'origin cron/db01 ': undefined, 'ping x ': 'c' })
  })
})
