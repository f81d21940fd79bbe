/** What the visitor has agreed to, and what the browser says of it. */

import type { Consent } from './api'
import type { Page } from './page'
import type { WatchbellSettings } from './settings'

interface Signals {
  globalPrivacyControl?: boolean
  doNotTrack?: string | null
}

/** Whether it is a state at all: what a page or an attribute says may be anything. */
export function isConsent(state: unknown): state is Consent {
  return state === 'granted' || state === 'pending' || state === 'cookieless' || state === 'denied'
}

/**
 * The state to begin with; denied when nobody understands what was said. A signal of the browser goes before the
 * setting, what the page says later before both.
 */
export function firstConsent(window: Page, settings: WatchbellSettings): Consent {
  const navigator = window.navigator as unknown as Signals
  const doNotTrack = navigator.doNotTrack || (window as unknown as Signals).doNotTrack
  let state: unknown = settings.consent
  if (settings.dnt && (doNotTrack === '1' || doNotTrack === 'yes')) state = settings.dnt
  if (settings.gpc && navigator.globalPrivacyControl === true) state = settings.gpc
  return isConsent(state) ? state : 'denied'
}
