/** `watchbell.js`: the API and the requests of `divolte.js`, and what a page of today needs besides. */

import type { Call, Consent, PageView, Watchbell } from './api'
import { firstConsent, isConsent } from './consent'
import { newDelivery } from './delivery'
import type { Draft } from './item'
import { followLife, followRoutes } from './life'
import { logger, type Page } from './page'
import { onceOrAfter } from './queue'
import { reportErrors, watchVitals } from './reports'
import type { WatchbellSettings } from './settings'
import { newStore } from './store'
import { newView } from './view'
import { newVisitor } from './visitor'

/** Events that wait for the visitor's consent; later ones are not kept. */
const MAX_HELD = 100

/** Start in a page: `base` is the folder of the collector's addresses, `given` the server's page view identifier. */
export function startWatchbell(window: Page, settings: WatchbellSettings, base: string, given = ''): Watchbell {
  const log = logger(window, settings)
  let state = firstConsent(window, settings)
  let held: Draft[] = []
  const granted = (): boolean => state === 'granted'
  const visitor = newVisitor(window, settings, Date.now(), granted)
  const view = newView(window, given)
  const store = newStore(window, settings.partyCookie + '_queue', granted)
  const delivery = newDelivery(window, base, settings, store, granted, () => visitor.ensureParty(Date.now()))

  function signal(type: string, parameters?: unknown): string | null {
    if (!type || state === 'denied') {
      log(type ? 'Nothing is sent without consent.' : 'An event without a type is not sent.')
      return null
    }
    start()
    const draft = view.draft(String(type), parameters)
    log(type, draft.eventId, parameters)
    if (state !== 'pending') send(draft)
    else if (held.length < MAX_HELD) held.push(draft)
    return draft.eventId
  }

  function send(draft: Draft): void {
    delivery.add(visitor.sign(draft))
  }

  /** Begin the page view, if it has not begun. */
  function start(): void {
    if (view.started) return
    view.begin()
    if (settings.autoPageView) signal('pageView')
  }

  function startWhenVisible(): void {
    if (state !== 'denied' && !hidden()) start()
  }

  function pageView(said: PageView = {}): string | null {
    let referrer = said.referrer
    if (view.started) {
      if (referrer === undefined) referrer = view.address()
      view.renew()
    }
    view.begin({ location: said.location, referrer })
    return signal('pageView', said.parameters)
  }

  function consent(next?: Consent): Consent {
    const before = state
    if (next === before || !isConsent(next)) return state
    state = next
    if (next === 'denied' || (before === 'granted' && next === 'cookieless')) {
      delivery.clear()
      store.clear()
      visitor.forget()
      held = []
    }
    visitor.identify()
    if (next !== 'pending') held.splice(0).forEach(send)
    startWhenVisible()
    return state
  }

  const report = settings.vitals ? watchVitals(window, signal) : undefined
  const leave = (left: boolean): void => {
    delivery.flush(left, () => {
      if (report && view.started) report()
    })
  }
  const hidden = followLife(window, {
    seen: startWhenVisible,
    hidden: () => leave(false),
    left: () => leave(true),
    back: () => {
      if (view.started) view.renew()
      startWhenVisible()
    },
  })
  visitor.identify()
  if (settings.errors) reportErrors(window, signal)
  if (settings.routes) {
    followRoutes(window, settings.routes === 'hash', () => {
      if (view.started) pageView()
    })
  }
  const watchbell: Watchbell = {
    get partyId() {
      return visitor.partyId
    },
    get sessionId() {
      return visitor.sessionId
    },
    get pageViewId() {
      return view.id
    },
    get isNewPartyId() {
      return visitor.isNewParty
    },
    get isFirstInSession() {
      return visitor.isFirstInSession
    },
    get isServerPageView() {
      return view.fromServer
    },
    signal,
    pageView,
    consent,
    whenCommitted: (callback, timeout) => delivery.add(onceOrAfter(callback, timeout)),
  }
  replay(window, watchbell)
  startWhenVisible()
  return watchbell
}

/** Make the calls that the page made before there was anything to call; later ones are made at once. */
function replay(window: Page, watchbell: Watchbell): void {
  const early = window.watchbellQueue as unknown as Call[] | undefined
  const call = (one: Call): void => {
    const method = watchbell[one[0]] as ((...given: unknown[]) => unknown) | undefined
    if (method) method.apply(undefined, one.slice(1))
  }
  window.watchbellQueue = { push: call }
  if (early && early.forEach) early.forEach(call)
}
