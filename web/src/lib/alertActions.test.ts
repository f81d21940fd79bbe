import { describe, expect, it } from 'vitest'

import { applies, assigneeOf, chosenAction, chunks, forEach } from './alertActions'

describe('what a key does', () => {
  it('is taken back by the same key when all have it', () => {
    expect(chosenAction('ack', [{ status: 'open' }, { status: 'ack' }])).toBe('ack')
    expect(chosenAction('ack', [{ status: 'ack' }])).toBe('unack')
    expect(chosenAction('close', [{ status: 'closed' }])).toBe('open')
    expect(chosenAction('ack', [{ status: 'closed' }])).toBe('ack')
  })

  it('applies only where it changes something', () => {
    expect(applies('ack', 'closed')).toBe(false)
    expect(applies('shelve', 'ack')).toBe(true)
    expect(applies('open', 'expired')).toBe(true)
  })
})

describe('forEach', () => {
  it('goes on after a failure and says how many failed and why', async () => {
    const done: string[] = []
    let most = 0
    let now = 0
    const ids = Array.from({ length: 20 }, (_, n) => String(n))
    const result = await forEach(ids, async (id) => {
      now += 1
      most = Math.max(most, now)
      await Promise.resolve()
      now -= 1
      if (id === '3') throw new Error('is gone')
      done.push(id)
    })
    expect(result).toEqual({ failed: 1, why: 'is gone' })
    expect(done).toHaveLength(19)
    expect(most).toBeLessThanOrEqual(6)
  })
})

describe('whose an alert is', () => {
  it('is a text among its attributes', () => {
    expect(assigneeOf({ attributes: {} })).toBe('')
    expect(assigneeOf({ attributes: { assignee: 'ann' } })).toBe('ann')
    expect(assigneeOf({ attributes: { assignee: 5 } })).toBe('')
  })
})

describe('chunks', () => {
  it('has every id once, a few at a time', () => {
    expect(chunks(['a', 'b', 'c', 'd', 'e'], 2)).toEqual([['a', 'b'], ['c', 'd'], ['e']])
    expect(chunks([])).toEqual([])
  })
})
