/** Times for people: relative, with the exact one beside it. In the viewer's zone and language. */
import { onScopeDispose, ref, type Ref } from 'vue'

const SECOND = 1000
const STEPS: [limit: number, size: number, unit: Intl.RelativeTimeFormatUnit][] = [
  [60, 1, 'second'],
  [3600, 60, 'minute'],
  [86_400, 3600, 'hour'],
  [30 * 86_400, 86_400, 'day'],
  [365 * 86_400, 30 * 86_400, 'month'],
  [Infinity, 365 * 86_400, 'year'],
]

const relativeFormat = new Intl.RelativeTimeFormat(undefined, { numeric: 'always', style: 'narrow' })
const exactFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'long' })
const clockFormat = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' })
const shortFormat = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })

export function relative(at: string | number | Date, now: number): string {
  const seconds = (new Date(at).getTime() - now) / SECOND
  const distance = Math.abs(seconds)
  const [, size, unit] = STEPS.find(([limit]) => distance < limit) ?? [0, 1, 'second' as const]
  // A moment ago by our clock may be a moment ahead by the server's: that is now, not the future.
  const count = Math.trunc(seconds / size)
  if (unit === 'second' && Math.abs(count) < 1) return relativeFormat.format(-0, 'second')
  return relativeFormat.format(count, unit)
}

export function exact(at: string | number | Date): string {
  return exactFormat.format(new Date(at))
}

export function clock(at: string | number | Date): string {
  return clockFormat.format(new Date(at))
}

export function hourMinute(at: string | number | Date): string {
  return shortFormat.format(new Date(at))
}

/** A length of time in seconds, in at most two units: `45 s`, `1 h 5 min`, `120 ms`. */
export function lengthOf(seconds: number): string {
  if (seconds <= 0) return '0 s'
  if (seconds < 1) return `${Math.max(1, Math.round(seconds * 1000))} ms`
  if (seconds < 10 && !Number.isInteger(seconds)) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  const units: [number, string][] = [
    [86_400, 'd'],
    [3600, 'h'],
    [60, 'min'],
    [1, 's'],
  ]
  const first = units.findIndex(([size]) => whole >= size)
  const [size, name] = units[first] ?? [1, 's']
  const rest = whole % size
  const next = units[first + 1]
  const second = next && rest >= next[0] ? ` ${Math.floor(rest / next[0])} ${next[1]}` : ''
  return `${Math.floor(whole / size)} ${name}${second}`
}

const now = ref(Date.now())
let users = 0
let timer: ReturnType<typeof setInterval> | undefined

/** The time now, ticking each second while anybody looks; one timer for the whole page. */
export function useNow(): Ref<number> {
  users += 1
  now.value = Date.now()
  timer ??= setInterval(() => (now.value = Date.now()), SECOND)
  onScopeDispose(() => {
    users -= 1
    if (users === 0) {
      clearInterval(timer)
      timer = undefined
    }
  })
  return now
}
