/** What the collector puts into a script that it serves (`src/watchbell/collector/tag.py`), or a page into `start`. */

import type { Consent } from './api'

/** What `divolte.js` needs to know of its source. */
export interface DivolteSettings {
  /** Name of the script, to find its element where `document.currentScript` does not exist. */
  name: string
  /** Last part of the event's address. */
  suffix: string
  partyCookie: string
  /** Seconds that the party's cookie lives. */
  partySeconds: number
  sessionCookie: string
  /** Seconds that the session's cookie lives. */
  sessionSeconds: number
  /** Domain of both cookies; empty for the page's own host. */
  domain: string
  /** Milliseconds to wait for the answer to one event. */
  eventTimeout: number
  /** Whether a page view is signalled without being asked for. */
  autoPageView: boolean
  /** Whether to write to the console. */
  logging: boolean
}

/** What `watchbell.js` needs besides. */
export interface WatchbellSettings extends DivolteSettings {
  /** Last part of the address of batches; empty when the collector takes none. */
  batch: string
  /** State of consent until the page says another. */
  consent: Consent
  /** State of consent when the browser sends Global Privacy Control; empty ignores it. */
  gpc: Consent | ''
  /** State of consent when the browser sends Do Not Track; empty ignores it. */
  dnt: Consent | ''
  /** When a single-page application's route counts as a page view: `history`, also the `hash`, or never (empty). */
  routes: 'history' | 'hash' | ''
  /** Whether JavaScript errors are signalled. */
  errors: boolean
  /** Whether web vitals are signalled. */
  vitals: boolean
  /** `SameSite` of the cookies that the script writes. */
  sameSite: 'lax' | 'strict' | 'none'
  /** Whether the collector is asked to set the party's cookie, so that the script need not. */
  serverCookie: boolean
}
