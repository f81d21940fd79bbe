/** The script `watchbell.js`. `__TAG__` is the argument of the function into which the build puts it. */

import { expose, folder, literally, type Page, scriptElement, serverPageView } from './page'
import type { WatchbellSettings } from './settings'
import { startWatchbell } from './watchbell'

declare const __TAG__: WatchbellSettings

/** `data-` attributes of the script element go before the collector's settings. */
function attributes(settings: WatchbellSettings, element: HTMLScriptElement): void {
  const given = settings as unknown as Record<string, unknown>
  const names = ['consent', 'gpc', 'dnt', 'routes', 'errors', 'vitals', 'autoPageView']
  names.forEach((name) => {
    const text = element.getAttribute('data-' + name.replace(/[A-Z]/g, (letter) => '-' + letter.toLowerCase()))
    if (text !== null) given[name] = typeof given[name] === 'boolean' ? text !== 'false' : text
  })
}

const page = window as Page
if (typeof page.divolte !== 'object' && typeof page.watchbell !== 'object') {
  const name = literally(__TAG__.name).replace(/\\\.js$/, '(-[0-9a-f]+)?$&')
  const element = scriptElement(page.document, name)
  attributes(__TAG__, element)
  const watchbell = startWatchbell(page, __TAG__, folder(element.src), serverPageView(element.src))
  page.watchbell = watchbell
  expose(page, 'divolte', watchbell)
}
