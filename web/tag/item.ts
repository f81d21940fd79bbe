/** An event on its way: first without its sender, then as the query string of its request. */

import { type Parameters } from './event'

/** What an event says before it is known whose it is (consent may come later). */
export interface Draft {
  eventId: string
  /** Milliseconds since 1970. */
  time: number
  /** The parameters that stand between the session and the flags. */
  head: Parameters
  /** Those that stand behind the flags. */
  tail: Parameters
}

/** What is sent, kept and sent again; its identifiers stay the same, so that the collector knows a duplicate. */
export interface Item {
  query: string
  /** Milliseconds since 1970. */
  time: number
}
