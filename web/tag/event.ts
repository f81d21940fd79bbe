/** One event as the query string of its request. */

import { murmur3, wellFormed } from './text'

/** The parameters in their order; numbers travel in base 36, and what is undefined is left out. */
export type Parameters = [name: string, value: string | number | undefined][]

/** The query string, its checksum last: a hash of the decoded parameters sorted by name. */
export function queryString(parameters: Parameters): string {
  let query = ''
  const canonical: string[] = []
  parameters.forEach((parameter) => {
    const value = parameter[1]
    if (value === undefined) return
    const text = typeof value === 'number' ? value.toString(36) : wellFormed(value)
    query += parameter[0] + '=' + encodeURIComponent(text) + '&'
    canonical.push(parameter[0] + '=' + text + ',;')
  })
  return query + 'x=' + murmur3(canonical.sort().join('')).toString(36)
}
