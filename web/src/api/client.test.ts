import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

import { ApiError, get, post, put, queryString, request, setCsrf, whenUnauthorised } from './client'

const fetched = vi.fn<typeof fetch>()

function answer(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(typeof body === 'string' ? body : JSON.stringify(body), { status, headers })
}

beforeEach(() => {
  fetched.mockReset()
  vi.stubGlobal('fetch', fetched)
  setCsrf('')
})
afterEach(() => vi.unstubAllGlobals())

describe('queryString', () => {
  it('repeats lists and leaves out what is empty', () => {
    expect(queryString({ status: ['open', 'ack'], q: '', page: 2, none: undefined })).toBe('?status=open&status=ack&page=2')
    expect(queryString({})).toBe('')
  })
})

describe('request', () => {
  it('sends the CSRF token with unsafe methods only', async () => {
    setCsrf('t0k3n')
    fetched.mockImplementation(() => Promise.resolve(answer(200, {})))
    await get('/alerts')
    await put('/alert/1/action', { action: 'ack' })
    const [read, write] = fetched.mock.calls.map(([, init]) => init?.headers as Record<string, string>)
    expect(read).not.toHaveProperty('X-CSRF-Token')
    expect(write).toMatchObject({ 'X-CSRF-Token': 't0k3n', 'Content-Type': 'application/json' })
    expect(fetched.mock.calls[1]?.[1]?.body).toBe('{"action":"ack"}')
  })

  it('turns field errors into words by field', async () => {
    fetched.mockResolvedValue(
      answer(400, { message: 'invalid', errors: [{ field: 'config.url', reason: 'is required', fix: '' }, { field: 'interval', reason: 'is too short', fix: 'at least 1' }, 'and more'] }, { 'x-request-id': 'r1' }),
    )
    const error = await post('/objects/check').catch((one: unknown) => one)
    expect(error).toBeInstanceOf(ApiError)
    expect(error).toMatchObject({ code: 400, message: 'invalid', requestId: 'r1' })
    expect((error as ApiError).byField()).toEqual({
      fields: { 'config.url': 'is required', interval: 'is too short (at least 1)' },
      others: ['and more'],
    })
  })

  it('says the message when there are no field errors, and the code when there is no message', async () => {
    fetched.mockResolvedValueOnce(answer(409, { message: 'Shop refers to it', errors: null }))
    fetched.mockResolvedValueOnce(answer(502, '<html>bad gateway</html>'))
    const first = (await get('/x').catch((one: unknown) => one)) as ApiError
    expect(first.byField()).toEqual({ fields: {}, others: ['Shop refers to it'] })
    await expect(get('/x')).rejects.toThrow('The server answered 502.')
  })

  it('says that the server is away', async () => {
    fetched.mockRejectedValue(new TypeError('network'))
    await expect(get('/x')).rejects.toMatchObject({ code: 0, message: 'The server cannot be reached.' })
  })

  it('reports 401 once somebody listens, except where the caller asks', async () => {
    const lost = vi.fn()
    whenUnauthorised(lost)
    fetched.mockImplementation(() => Promise.resolve(answer(401, { message: 'no' })))
    await expect(request('POST', '/session', { quiet401: true })).rejects.toMatchObject({ code: 401 })
    expect(lost).not.toHaveBeenCalled()
    await expect(get('/alerts')).rejects.toMatchObject({ code: 401 })
    expect(lost).toHaveBeenCalledOnce()
    whenUnauthorised(() => undefined)
  })

  it('reads how long to wait', async () => {
    fetched.mockResolvedValue(answer(429, { message: 'slow down' }, { 'retry-after': '30' }))
    await expect(get('/x')).rejects.toMatchObject({ retryAfter: 30 })
  })
})
