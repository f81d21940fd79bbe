/** The API of `divolte.js` and `watchbell.js` in a page: `window.divolte` and `window.watchbell`. */

export type Consent = 'granted' | 'pending' | 'cookieless' | 'denied'

/** What `divolte.js` offers, and `watchbell.js` as well. */
export interface Divolte {
  /** The browser; kept in a cookie. */
  partyId: string
  /** The visit; kept in a cookie. */
  sessionId: string
  /** The page view under way. */
  pageViewId: string
  /** Whether the browser had no party when the page was loaded. */
  isNewPartyId: boolean
  /** Whether there was no session when the page was loaded. */
  isFirstInSession: boolean
  /** Whether the page view's identifier came with the script's address. */
  isServerPageView: boolean
  /** Send an event. Returns its identifier, or null when none is sent. */
  signal(type: string, parameters?: unknown): string | null
  /** Call back when the events so far have been sent, or after `timeout` milliseconds, whichever comes first. */
  whenCommitted(callback: () => void, timeout?: number): void
}

/** What a page view may say instead of what the browser says. */
export interface PageView {
  /** Address of the page; the browser's by default. Holds for the later events of this page view, too. */
  location?: string
  /** Where the visitor comes from; the former page view's address by default. */
  referrer?: string
  /** Custom parameters of the page view. */
  parameters?: unknown
}

export interface Watchbell extends Divolte {
  /** Begin another page view. Returns the identifier of its event, or null when none is sent. */
  pageView(view?: PageView): string | null
  /** Say what the visitor has agreed to; without an argument, only ask what stands. */
  consent(state?: Consent): Consent
}

/** A call made before the script is there: the name of a method and its arguments. */
export type Call =
  | ['signal', string, unknown?]
  | ['pageView', PageView?]
  | ['consent', Consent]
  | ['whenCommitted', () => void, number?]

/** Settings of a page that differ from those of the collector. */
export interface Options {
  /** Folder of the collector's addresses, with the slash at its end; by default where this module was loaded from. */
  collector?: string
  /** State of consent to begin with. */
  consent?: Consent
  /** State of consent when the browser sends Global Privacy Control; empty ignores it. */
  gpc?: Consent | ''
  /** State of consent when the browser sends Do Not Track; empty ignores it. */
  dnt?: Consent | ''
  /** What counts as a page view of a single-page application. */
  routes?: 'history' | 'hash' | ''
  /** Whether JavaScript errors are sent as events of the type `error`. */
  errors?: boolean
  /** Whether web vitals are sent as one event of the type `vitals`. */
  vitals?: boolean
  /** Whether the first page view is sent without being asked for. */
  autoPageView?: boolean
}

/** Start in this page; only in the ES module `watchbell.mjs`. */
export function start(options?: Options): Watchbell

declare global {
  interface Window {
    divolte?: Divolte
    watchbell?: Watchbell
    watchbellQueue?: { push(call: Call): unknown }
  }
}
