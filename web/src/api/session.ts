/** Who is logged in. Loaded once before the first page; refreshed by log-in and log-out. */
import { computed, reactive } from 'vue'

import { takeAlarms } from '../lib/alarms'
import { usePasskey } from '../lib/passkeys'
import { takeSeverities } from '../lib/severity'
import { ApiError, get, request, setCsrf } from './client'
import type { Said, Schemas, SessionInfo } from './types'

const state = reactive<{ info: SessionInfo | null; loaded: boolean; setupNeeded: boolean }>({
  info: null,
  loaded: false,
  setupNeeded: false,
})

export const session = {
  info: computed(() => state.info),
  setupNeeded: computed(() => state.setupNeeded),
  /** Somebody who did not log in, where anybody may read. */
  stranger: computed(() => state.info?.user.login === 'anonymous' && !state.info.csrf),

  /** Whether the caller holds the scope, as the server decides it: admin ⊃ write ⊃ read. */
  may(scope: string): boolean {
    const [verb = '', resource = ''] = scope.split(':')
    const holds = state.info?.scopes ?? []
    const enough: Record<string, string[]> = {
      read: ['read', 'write', 'admin'],
      write: ['write', 'admin'],
      delete: ['delete', 'write', 'admin'],
    }
    return (enough[verb] ?? ['admin']).some((one) => holds.includes(one) || holds.includes(`${one}:${resource}`))
  },
}

function take(info: SessionInfo | null): void {
  state.info = info
  setCsrf(info?.csrf ?? '')
  if (!info) return
  takeSeverities(info.severities)
  takeAlarms(info.alarms)
}

/** Ask the server who we are. Answers whether anybody is logged in. */
export async function loadSession(force = false): Promise<boolean> {
  if (state.loaded && !force) return state.info !== null
  try {
    take(await request<SessionInfo>('GET', '/session', { quiet401: true }))
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 401) throw error
    take(null)
    state.setupNeeded = (await get<Said<'session.needed'>>('/setup')).needed
  }
  state.loaded = true
  return state.info !== null
}

/** `code` only where two-step log-in asks for one. */
export async function logIn(login: string, password: string, code = ''): Promise<void> {
  take(await request<SessionInfo>('POST', '/session', { body: { login, password, ...(code ? { code } : {}) }, quiet401: true }))
  state.loaded = true
}

/** Log in by whichever passkey the person chooses. Rejects with the browser's own error when they choose none. */
export async function logInByPasskey(): Promise<void> {
  const asked = await request<Said<'passkeys.ask'>>('POST', '/session/passkey/begin', { quiet401: true })
  const credential = await usePasskey(asked.publicKey)
  take(await request<SessionInfo>('POST', '/session/passkey', { body: { credential }, quiet401: true }))
  state.loaded = true
}

/** Whether a log-in was refused because of its code: there is none, or it is wrong. */
export function asksForCode(error: unknown): boolean {
  return error instanceof ApiError && error.code === 401 && error.problems.some((problem) => problem.field === 'code')
}

export type WaysIn = Said<'log_in.providers'>
export type LoginProvider = WaysIn['providers'][number]

/** How people log in besides with a password, and what they see to by themselves. */
export async function waysIn(): Promise<WaysIn> {
  return request<WaysIn>('GET', '/session/providers', { quiet401: true })
}

export const account = {
  signUp: (person: Pick<Schemas['SignUp'], 'name' | 'email' | 'password'>) => request('POST', '/auth/signup', { body: person, quiet401: true }),
  forgot: (email: string) => request('POST', '/auth/forgot', { body: { email }, quiet401: true }),
  /** `secret` is that of the link in a mail. */
  reset: (secret: string, password: string) => request('POST', `/auth/reset/${encodeURIComponent(secret)}`, { body: { password }, quiet401: true }),
  confirm: (secret: string) => request('POST', `/auth/confirm/${encodeURIComponent(secret)}`, { quiet401: true }),
}

/** Where the browser must go to log in by a provider; it comes back to `back`. */
export async function logInWith(name: string, back: string): Promise<string> {
  return (await request<Said<'log_in.begin'>>('POST', `/session/with/${encodeURIComponent(name)}`, { body: { back }, quiet401: true })).url
}

export type FirstAdministrator = Required<Schemas['FirstAdministrator']>

export async function setUp(person: FirstAdministrator): Promise<void> {
  const answer = await request<Partial<SessionInfo>>('POST', '/setup', { body: person, quiet401: true })
  state.setupNeeded = false
  if (answer.csrf && answer.user) take(answer as SessionInfo)
  else await loadSession(true)
  state.loaded = true
}

export async function logOut(): Promise<void> {
  try {
    if (!session.stranger.value) await request('DELETE', '/session', { quiet401: true })
  } catch (error) {
    // Over already.
    if (!(error instanceof ApiError && error.code === 401)) throw error
  }
  forgetSession()
}

export function forgetSession(): void {
  take(null)
}
