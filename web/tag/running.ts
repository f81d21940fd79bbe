/** `watchbell.js` started in a fake page, and what came of it. */

import { type FakePage, fakePage } from './fakes'
import type { WatchbellSettings } from './settings'
import { startWatchbell } from './watchbell'

export const BASE = 'https://track.example.com/'
export const SETTINGS: WatchbellSettings = {
  name: 'watchbell.js', suffix: 'csc-event', partyCookie: '_dvp', partySeconds: 63_072_000, sessionCookie: '_dvs',
  sessionSeconds: 1800, domain: '', eventTimeout: 750, autoPageView: true, logging: false, batch: 'csc-events',
  consent: 'granted', gpc: '', dnt: '', routes: '', errors: false, vitals: false, serverCookie: false, sameSite: 'lax',
}
export const NOW = 1_700_000_000_000
export const PARTY = '0:i1t84hgy:5AF359Zjq5kUy98u4wQjlIZzWGhN~GlG'
export const SESSION = '0:i1t84hgy:95CbiPCYln_1e0a6rFvuRkDkeNnc6KC8'

export function started(settings: Partial<WatchbellSettings> = {}, page: FakePage = fakePage()) {
  return { page, watchbell: startWatchbell(page.window, { ...SETTINGS, ...settings }, BASE) }
}

export function sent(page: FakePage): URLSearchParams[] {
  return page.images.map((image) => new URL(image.src).searchParams)
}

export function types(page: FakePage): (string | null)[] {
  return sent(page).map((one) => one.get('t'))
}

export function batched(page: FakePage): (string | null)[][] {
  return page.beacons.map(({ body }) => body.split('\n').map((line) => new URLSearchParams(line).get('t')))
}

export function answerAll(page: FakePage, from = 0): void {
  for (let at = from; at < page.images.length; at++) page.images[at]!.onload()
}

export function stored(page: FakePage): { query: string; time: number }[] {
  return JSON.parse(page.storage.get('_dvp_queue') ?? '[]')
}
