/** Times as a form's calendar has them, and as they are stored: ISO 8601 with the offset of the viewer's zone. */

const two = (n: number): string => String(Math.trunc(Math.abs(n))).padStart(2, '0')

/** `2026-11-21T22:00` in the viewer's zone; '' for what is no time. */
export function toLocal(stored: string): string {
  const at = new Date(stored)
  if (!stored || Number.isNaN(at.getTime())) return ''
  return `${String(at.getFullYear()).padStart(4, '0')}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`
}

/** `2026-11-21T22:00:00+01:00` of what a calendar has or of a date; '' for what is no time. */
export function toStored(local: string | Date): string {
  const at = new Date(local)
  if (!local || Number.isNaN(at.getTime())) return ''
  const ahead = -at.getTimezoneOffset()
  return `${toLocal(at.toISOString())}:${two(at.getSeconds())}${ahead < 0 ? '-' : '+'}${two(ahead / 60)}:${two(ahead % 60)}`
}
