/** `divolte.js`: Divolte's API, cookies and requests as pages know them, and nothing more. */

import { queryString } from './event'
import { newIdentifier } from './identifiers'
import { mincode } from './mincode'
import {
  expose,
  folder,
  literally,
  logger,
  type Page,
  readCookie,
  scriptElement,
  serverPageView,
  viewport,
  visibility,
  writeCookie,
} from './page'
import { newQueue, onceOrAfter, request } from './queue'
import type { DivolteSettings } from './settings'
import type { Divolte } from './api'

/** Start in a page. The module is returned, whether or not the page has one already. */
export function startDivolte(window: Page, settings: DivolteSettings): Divolte {
  const document = window.document
  const log = logger(window, settings)
  const address = scriptElement(document, literally(settings.name)).src
  const given = serverPageView(address)
  const loaded = new Date().getTime()
  const party = readCookie(document, settings.partyCookie)
  const session = readCookie(document, settings.sessionCookie)
  let newParty = !party
  let firstInSession = !session
  let started = false
  let events = 0

  const divolte: Divolte = {
    partyId: party || newIdentifier(window, loaded),
    sessionId: session || newIdentifier(window, loaded),
    pageViewId: given || newIdentifier(window),
    isNewPartyId: newParty,
    isFirstInSession: firstInSession,
    isServerPageView: !!given,
    signal,
    whenCommitted: (callback, timeout) => queue.add(onceOrAfter(callback, timeout)),
  }
  const partyId = divolte.partyId
  const sessionId = divolte.sessionId
  let pageViewId = divolte.pageViewId

  const queue = newQueue<{ q: string }>((item, done) => {
    request(window, folder(address) + settings.suffix + '?' + item.q, settings.eventTimeout, done)
  })

  function signal(type: string, parameters?: unknown): string | null {
    if (!type) {
      log('An event without a type is not sent.')
      return null
    }
    start()
    const eventId = pageViewId + (events++).toString(16)
    const now = new Date().getTime()
    log(type, eventId, parameters)
    const query = queryString([
      ['p', partyId],
      ['s', sessionId],
      ['v', pageViewId],
      ['e', eventId],
      ['c', now],
      ['n', newParty ? 't' : 'f'],
      ['f', firstInSession ? 't' : 'f'],
      ['l', window.location.href],
      ['r', document.referrer || undefined],
      ['i', window.screen.availWidth],
      ['j', window.screen.availHeight],
      ['k', window.devicePixelRatio],
      ['w', viewport(window, 'Width')],
      ['h', viewport(window, 'Height')],
      ['t', String(type)],
      ['u', parameters === undefined ? undefined : mincode(parameters)],
    ])
    newParty = firstInSession = false
    writeCookie(document, settings.sessionCookie, sessionId, settings.sessionSeconds, now, settings.domain)
    writeCookie(document, settings.partyCookie, partyId, settings.partySeconds, now, settings.domain)
    queue.add({ q: query })
    return eventId
  }

  /** Begin the page view, if it has not begun. */
  function start(): void {
    if (started) return
    started = true
    if (settings.autoPageView) signal('pageView')
  }

  /** Begin the page view when the page is seen. */
  function startWhenVisible(): void {
    const state = visibility(document)
    if (!state.hidden()) return start()
    document.addEventListener(state.event, function seen() {
      if (state.hidden()) return
      document.removeEventListener(state.event, seen)
      start()
    })
  }

  if (!expose(window, 'divolte', divolte)) {
    log('The page has a divolte module already; it stays.')
    return divolte
  }
  startWhenVisible()
  if (window.addEventListener) {
    let left = false
    window.addEventListener('pagehide', () => (left = true))
    window.addEventListener('pageshow', () => {
      // Only a page that was left comes back (from the browser's memory): every page is shown once when it has loaded.
      if (!left) return
      left = started = false
      events = given ? events : 0
      divolte.pageViewId = pageViewId = given || newIdentifier(window)
      startWhenVisible()
    })
  }
  return divolte
}
