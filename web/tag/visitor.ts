/** Who sends: party and session, where they are kept, and when a session is over. */

import { type Parameters, queryString } from './event'
import { newIdentifier } from './identifiers'
import type { Draft, Item } from './item'
import { readCookie, writeCookie } from './page'
import type { WatchbellSettings } from './settings'

export interface Visitor {
  partyId: string
  sessionId: string
  /** As they were when the identifiers were found; an event says so only once. */
  isNewParty: boolean
  isFirstInSession: boolean
  /** Find out who this is. Without a cookie that may be read, the identifiers of this page stay. */
  identify: () => void
  /** Say whose an event is, roll the session when it was idle for too long, and keep both cookies alive. */
  sign: (draft: Draft) => Item
  /** Write the party's cookie when the collector should have set it and could not (the page is another site's). */
  ensureParty: (now: number) => void
  /** Remove both cookies; whoever comes next is somebody new. */
  forget: () => void
}

/** `loaded` is the time (milliseconds since 1970) in new identifiers; `allowed` says whether cookies may be used. */
export function newVisitor(
  window: Window,
  settings: WatchbellSettings,
  loaded: number,
  allowed: () => boolean,
): Visitor {
  const document = window.document
  let saysNewParty = true
  let saysFirst = true
  let last = 0
  const secure = window.location.href.slice(0, 6) === 'https:'
  const attributes = '; samesite=' + settings.sameSite + (secure ? '; secure' : '')

  function cookie(name: string): string {
    try {
      return allowed() ? readCookie(document, name) : ''
    } catch {
      // A page in a sandbox has no cookies; its visitor is somebody new.
      return ''
    }
  }

  function keep(name: string, value: string, seconds: number, now: number): void {
    try {
      writeCookie(document, name, value, seconds, now, settings.domain, attributes)
    } catch {
      // See above.
    }
  }

  /** After a pause, another tab's session if there is one, else a new one. */
  function roll(now: number): void {
    if (last && now - last > settings.sessionSeconds * 1000) {
      const session = cookie(settings.sessionCookie)
      visitor.sessionId = session || newIdentifier(window, now)
      visitor.isFirstInSession = saysFirst = !session
    }
    last = now
  }

  const visitor: Visitor = {
    partyId: '',
    sessionId: '',
    isNewParty: true,
    isFirstInSession: true,
    identify: () => {
      const party = cookie(settings.partyCookie)
      const session = cookie(settings.sessionCookie)
      visitor.partyId = party || visitor.partyId || newIdentifier(window, loaded)
      visitor.sessionId = session || visitor.sessionId || newIdentifier(window, loaded)
      visitor.isNewParty = saysNewParty = saysNewParty && !party
      visitor.isFirstInSession = saysFirst = saysFirst && !session
    },
    sign: (draft) => {
      const now = draft.time
      roll(now)
      const who: Parameters = [
        ['p', visitor.partyId],
        ['s', visitor.sessionId],
      ]
      const flags: Parameters = [
        ['n', saysNewParty ? 't' : 'f'],
        ['f', saysFirst ? 't' : 'f'],
      ]
      saysNewParty = saysFirst = false
      if (allowed()) {
        keep(settings.sessionCookie, visitor.sessionId, settings.sessionSeconds, now)
        if (!settings.serverCookie) keep(settings.partyCookie, visitor.partyId, settings.partySeconds, now)
      }
      const asks: Parameters = settings.serverCookie && allowed() ? [['ck', 1]] : []
      return { query: queryString(who.concat(draft.head, flags, draft.tail, asks)), time: now }
    },
    ensureParty: (now) => {
      if (!settings.serverCookie || !allowed() || cookie(settings.partyCookie)) return
      keep(settings.partyCookie, visitor.partyId, settings.partySeconds, now)
    },
    forget: () => {
      keep(settings.partyCookie, '', 0, 0)
      keep(settings.sessionCookie, '', 0, 0)
      visitor.partyId = visitor.sessionId = ''
      saysNewParty = saysFirst = true
      last = 0
    },
  }
  return visitor
}
