import { afterEach, describe, expect, it } from 'vitest'

import { applies, chosenAction, startingFrom } from './alertActions'
import { hasAction, ownActions, phaseOf, shownStatuses, standingStatuses, statusNames, takeAlarms, waitingStatuses } from './alarms'

const ISA = {
  statuses: ['NORM', 'UNACK', 'ACKED', 'RTNUN', 'SHLVD', 'DSUPR', 'OOSRV'],
  phases: { NORM: 'closed', UNACK: 'open', ACKED: 'taken', RTNUN: 'cleared', SHLVD: 'shelved', DSUPR: 'muted', OOSRV: 'muted', closed: 'closed', ack: 'taken' },
  shown: ['UNACK', 'ACKED', 'RTNUN'],
  actions: ['ack', 'expired', 'open', 'shelve', 'timeout', 'unack', 'unshelve'],
  own_actions: ['createIssue'],
} as const

afterEach(() => takeAlarms())

describe('the alarm model', () => {
  it('is Alerta’s until another is told', () => {
    expect(shownStatuses()).toEqual(['open', 'ack'])
    expect(standingStatuses()).toEqual(['open', 'ack'])
    expect(waitingStatuses()).toEqual(['open'])
    expect(statusNames()).toEqual(['open', 'ack', 'shelved', 'blackout', 'closed', 'expired'])
    expect(phaseOf('who-knows')).toBe('open')
    expect(hasAction('close')).toBe(true)
    expect(ownActions()).toEqual([])
  })

  it('has other words by ISA 18.2', () => {
    takeAlarms(ISA as never)
    expect(shownStatuses()).toEqual(['UNACK', 'ACKED', 'RTNUN'])
    expect(standingStatuses()).toEqual(['UNACK', 'ACKED'])
    expect(waitingStatuses()).toEqual(['UNACK'])
    expect(hasAction('close')).toBe(false)
    expect(ownActions()).toEqual(['createIssue'])
    expect(phaseOf('ack')).toBe('taken')
  })
})

describe('what can be done by ISA 18.2', () => {
  it('is what leads on', () => {
    takeAlarms(ISA as never)
    expect(ISA.statuses.filter((one) => applies('ack', one))).toEqual(['UNACK', 'RTNUN'])
    expect(ISA.statuses.filter((one) => applies('unack', one))).toEqual(['ACKED'])
    expect(ISA.statuses.filter((one) => applies('shelve', one))).toEqual(['UNACK', 'ACKED', 'RTNUN'])
    expect(ISA.statuses.filter((one) => applies('unshelve', one))).toEqual(['SHLVD'])
    expect(ISA.statuses.some((one) => applies('close', one) || applies('open', one))).toBe(false)
    expect(chosenAction('ack', [{ status: 'ACKED' }])).toBe('unack')
    expect(chosenAction('ack', [{ status: 'RTNUN' }])).toBe('ack')
    expect(chosenAction('close', [{ status: 'NORM' }])).toBe('close')
  })

  it('is asked only where it leads on', () => {
    takeAlarms(ISA as never)
    expect(startingFrom('ack', {})).toEqual(['UNACK', 'RTNUN'])
    expect(startingFrom('ack', { status: ['UNACK', 'ACKED'] })).toEqual(['UNACK'])
    expect(startingFrom('ack', { status: 'ACKED' })).toEqual([])
  })
})
