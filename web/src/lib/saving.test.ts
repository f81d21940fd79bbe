import { describe, expect, it } from 'vitest'

import { ApiError } from '../api/client'
import { useSaving } from './saving'

describe('useSaving', () => {
  it('shows what is wrong beside its field, and the rest together', async () => {
    const saving = useSaving('login', 'roles')
    const problems = [
      { field: 'login', reason: 'is taken', fix: '' },
      { field: 'roles[1]', reason: 'is unknown', fix: 'take admin' },
      { field: 'status', reason: 'is not known', fix: '' },
      { field: '', reason: 'nothing was saved', fix: 'try again' },
    ]
    expect(await saving.run(() => Promise.reject(new ApiError(400, 'no', problems)))).toBe(false)
    expect(saving.errors.value).toEqual({ login: 'is taken', roles: 'is unknown (take admin)' })
    expect(saving.problem.value).toBe('status: is not known; nothing was saved (try again)')
    expect(saving.busy.value).toBe(false)
    expect(await saving.run(() => Promise.resolve())).toBe(true)
    expect([saving.errors.value, saving.problem.value]).toEqual([{}, ''])
  })

  it('says in words what is no answer of the server', async () => {
    const saving = useSaving()
    await saving.run(() => Promise.reject(new Error('the network is away')))
    expect(saving.problem.value).toContain('the network is away')
  })

  it('does nothing twice at a time', async () => {
    const saving = useSaving()
    let done = 0
    let end = (): void => undefined
    const first = saving.run(() => new Promise<void>((resolve) => (end = () => ((done += 1), resolve()))))
    expect(await saving.run(() => Promise.resolve((done += 10)))).toBe(false)
    end()
    expect([await first, done]).toEqual([true, 1])
  })
})
