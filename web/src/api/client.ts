/** HTTP to our own server: JSON in and out, the CSRF token on unsafe methods, errors with the words for each field. */
import type { FieldProblem, Json } from './types'

export class ApiError extends Error {
  constructor(
    readonly code: number,
    message: string,
    readonly problems: FieldProblem[] = [],
    readonly requestId = '',
    readonly retryAfter = 0,
  ) {
    super(message)
    this.name = 'ApiError'
  }

  /**
   * The words for each field, and those that belong to none. With the names of the fields that a form shows, what is wrong
   * inside one of them stands beside it, and what is wrong with any other goes, by its name, to those that belong to none.
   */
  byField(shown?: readonly string[]): { fields: Record<string, string>; others: string[] } {
    const fields: Record<string, string> = {}
    const others: string[] = []
    for (const { field, reason, fix } of this.problems) {
      const words = fix ? `${reason} (${fix})` : reason
      const beside = shown ? shown.find((name) => field === name || (field.startsWith(name) && '.['.includes(field.charAt(name.length)))) : field
      if (beside) fields[beside] = fields[beside] ? `${fields[beside]}; ${words}` : words
      else others.push(field ? `${field}: ${words}` : words)
    }
    return { fields, others: this.problems.length ? others : [this.message] }
  }
}

export type Query = Record<string, string | number | boolean | undefined | null | readonly string[]>

let csrf = ''
let onUnauthorised: () => void = () => undefined

export function setCsrf(token: string): void {
  csrf = token
}

/** Called when the server no longer knows us, except by the log-in itself. */
export function whenUnauthorised(act: () => void): void {
  onUnauthorised = act
}

export function queryString(query: Query): string {
  const parts = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) {
    if (value === undefined || value === null || value === '') continue
    for (const one of Array.isArray(value) ? (value as readonly string[]) : [String(value)]) parts.append(name, one)
  }
  const text = parts.toString()
  return text ? `?${text}` : ''
}

interface Options {
  query?: Query
  body?: unknown
  signal?: AbortSignal
  /** The caller handles 401 itself. */
  quiet401?: boolean
}

export async function request<T>(method: string, path: string, options: Options = {}): Promise<T> {
  const headers: Record<string, string> = { Accept: 'application/json' }
  const unsafe = method !== 'GET' && method !== 'HEAD'
  if (unsafe) {
    headers['Content-Type'] = 'application/json'
    if (csrf) headers['X-CSRF-Token'] = csrf
  }
  const init: RequestInit = { method, headers, credentials: 'same-origin' }
  if (unsafe) init.body = JSON.stringify(options.body ?? {})
  if (options.signal) init.signal = options.signal
  let response: Response
  try {
    response = await fetch(`/api${path}${queryString(options.query ?? {})}`, init)
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new ApiError(0, 'The server cannot be reached.')
  }
  if (response.ok) return (await body(response)) as T
  if (response.status === 401 && !options.quiet401) onUnauthorised()
  throw await failure(response)
}

/** A request whose answer comes as server-sent events; who aborts the signal closes it. */
export async function openStream(
  path: string,
  sent: unknown,
  onEvent: (name: string, data: unknown) => void,
  signal: AbortSignal,
): Promise<void> {
  const headers: Record<string, string> = { Accept: 'text/event-stream', 'Content-Type': 'application/json' }
  if (csrf) headers['X-CSRF-Token'] = csrf
  const init: RequestInit = { method: 'POST', headers, credentials: 'same-origin', body: JSON.stringify(sent), signal }
  let response: Response
  try {
    response = await fetch(`/api${path}`, init)
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') throw error
    throw new ApiError(0, 'The server cannot be reached.')
  }
  if (response.status === 401) onUnauthorised()
  if (!response.ok || !response.body) throw await failure(response)
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    const frames = (rest + value).split('\n\n')
    rest = frames.pop() ?? ''
    for (const frame of frames) {
      const found = /^event: (.*)\ndata: (.*)$/s.exec(frame)
      if (found?.[1] && found[2]) onEvent(found[1], JSON.parse(found[2]))
    }
  }
}

async function body(response: Response): Promise<unknown> {
  if (response.status === 204) return {}
  return response.json() as Promise<unknown>
}

async function failure(response: Response): Promise<ApiError> {
  const retryAfter = Number(response.headers.get('retry-after') ?? 0) || 0
  const requestId = response.headers.get('x-request-id') ?? ''
  let said: { message?: unknown; errors?: unknown }
  try {
    said = ((await response.json()) ?? {}) as typeof said
  } catch {
    said = {}
  }
  const message = typeof said.message === 'string' && said.message ? said.message : `The server answered ${response.status}.`
  return new ApiError(response.status, message, problems(said.errors), requestId, retryAfter)
}

function problems(errors: unknown): FieldProblem[] {
  if (!Array.isArray(errors)) return []
  return (errors as Json[]).map((error) => {
    if (typeof error === 'string') return { field: '', reason: error }
    const { field, reason, fix } = (error ?? {}) as Record<string, Json>
    return { field: String(field ?? ''), reason: String(reason ?? ''), fix: String(fix ?? '') }
  })
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal): Promise<T> =>
  request<T>('GET', path, { ...(query ? { query } : {}), ...(signal ? { signal } : {}) })
export const post = <T>(path: string, sent?: unknown): Promise<T> => request<T>('POST', path, { body: sent })
export const put = <T>(path: string, sent?: unknown, query?: Query): Promise<T> =>
  request<T>('PUT', path, { body: sent, ...(query ? { query } : {}) })
export const del = <T>(path: string): Promise<T> => request<T>('DELETE', path)

/** The words of any error, for a person. */
export function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
