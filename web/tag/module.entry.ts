/** The ES module `watchbell.mjs`. The collector puts `const __TAG__ = {…}` before it. */

import type { Options, Watchbell } from './api'
import { folder, type Page } from './page'
import type { WatchbellSettings } from './settings'
import { startWatchbell } from './watchbell'

declare const __TAG__: WatchbellSettings

/** Start in this page. */
export function start(options: Options = {}): Watchbell {
  const base = folder(options.collector || import.meta.url)
  return startWatchbell(window as Page, { ...__TAG__, ...options } as WatchbellSettings, base)
}
