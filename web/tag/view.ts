/** The page view under way: its identifier, its events' numbers, and what it says of where it is. */

import type { PageView } from './api'
import type { Parameters } from './event'
import { newIdentifier } from './identifiers'
import type { Draft } from './item'
import { mincode } from './mincode'
import { viewport } from './page'

export interface View {
  id: string
  fromServer: boolean
  /** Whether its first event is behind it. */
  started: boolean
  /** Begin another one, of which nothing is known yet. */
  renew: () => void
  /** The first event is due: `said` goes before what the browser says. */
  begin: (said?: PageView) => void
  /** The address that this page view said it was at, when it began. */
  address: () => string
  /** The next event of this page view, as the page is now. */
  draft: (type: string, parameters: unknown) => Draft
}

/** `given` is the identifier that the server put into the page, or empty. */
export function newView(window: Window, given: string): View {
  const document = window.document
  let events = 0
  let location = ''
  let referrer: string | undefined
  let address = ''

  const view: View = {
    id: given || newIdentifier(window),
    fromServer: !!given,
    started: false,
    renew: () => {
      events = 0
      view.id = newIdentifier(window)
      view.fromServer = view.started = false
      location = ''
      referrer = undefined
    },
    begin: (said = {}) => {
      view.started = true
      address = window.location.href
      location = said.location || ''
      referrer = said.referrer
    },
    address: () => location || address,
    draft: (type, parameters) => {
      const eventId = view.id + (events++).toString(16)
      const time = Date.now()
      const head: Parameters = [
        ['v', view.id],
        ['e', eventId],
        ['c', time],
      ]
      const tail: Parameters = [
        ['l', location || window.location.href],
        ['r', (referrer === undefined ? document.referrer : referrer) || undefined],
        ['i', window.screen.availWidth],
        ['j', window.screen.availHeight],
        ['k', window.devicePixelRatio],
        ['w', viewport(window, 'Width')],
        ['h', viewport(window, 'Height')],
        ['t', type],
        ['u', parameters === undefined ? undefined : mincode(parameters)],
      ]
      return { eventId, time, head, tail }
    },
  }
  return view
}
