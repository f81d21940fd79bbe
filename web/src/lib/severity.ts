/** Severities as the pages show them: every word that the API may say falls to one of eight looks. */
import { shallowRef } from 'vue'

export const LOOKS = ['security', 'critical', 'major', 'minor', 'warning', 'informational', 'ok', 'unknown'] as const
export type Look = (typeof LOOKS)[number]

const ALIASES: Record<string, Look> = {
  normal: 'ok',
  cleared: 'ok',
  indeterminate: 'unknown',
  debug: 'informational',
  trace: 'informational',
  pending: 'unknown',
  fatal: 'critical',
  error: 'major',
  high: 'major',
  medium: 'minor',
  low: 'warning',
  advisory: 'informational',
  info: 'informational',
}

interface Own {
  look: Look
  color: string
  place: number
}

const own = shallowRef<ReadonlyMap<string, Own>>(new Map())

/** Take the severities of this installation, the worst first; `color` is '' when the look's is good enough. */
export function takeSeverities(severities: readonly { name: string; look: string; color: string }[]): void {
  own.value = new Map(severities.map(({ name, look, color }, place) => [name, { look: (LOOKS as readonly string[]).includes(look) ? (look as Look) : 'unknown', color, place }]))
}

/** The severities of this installation, the worst first. */
export function severityNames(): string[] {
  return [...own.value.keys()]
}

/** The colour of its own that a severity has, for `:style`. */
export function paintOf(severity: string): Record<string, string> | undefined {
  const color = own.value.get(severity)?.color
  return color ? { '--mark': color } : undefined
}

export function lookOf(severity: string): Look {
  const found = own.value.get(severity)
  if (found) return found.look
  const word = severity.toLowerCase()
  return (LOOKS as readonly string[]).includes(word) ? (word as Look) : (Object.hasOwn(ALIASES, word) ? ALIASES[word] : undefined) ?? 'unknown'
}

/** For sorting, 0 is the worst: by look, and of those that look the same by their place. */
export function rankOf(severity: string): number {
  const place = own.value.get(severity)?.place ?? 0
  return LOOKS.indexOf(lookOf(severity)) + place / (own.value.size || 1)
}

/** How the worst of them looks. */
export function worstLook(severities: readonly string[]): Look {
  return LOOKS[Math.min(...severities.map((one) => LOOKS.indexOf(lookOf(one))), LOOKS.length - 1)] ?? 'unknown'
}

export function isProblem(severity: string): boolean {
  return rankOf(severity) < LOOKS.indexOf('informational')
}

/** Outlines in a 16 × 16 box, each a different silhouette, so that no one needs the colour. */
export const SHAPES: Record<Look, { path: string; hollow?: boolean }> = {
  security: { path: 'M8 1 14 3.2V8c0 3.4-2.5 5.9-6 7-3.5-1.1-6-3.6-6-7V3.2Z' },
  critical: { path: 'M5.2 1.2h5.6l4 4v5.6l-4 4H5.2l-4-4V5.2Z' },
  major: { path: 'M8 1.5 15.2 14.2H.8Z' },
  minor: { path: 'M8 .9 15.1 8 8 15.1.9 8Z' },
  warning: { path: 'M8 2.7 14 13.3H2Z', hollow: true },
  informational: { path: 'M8 1.8a6.2 6.2 0 1 1 0 12.4A6.2 6.2 0 0 1 8 1.8ZM8 7v4.2M8 4.8v.4', hollow: true },
  ok: { path: 'M2.5 8.5 6.2 12.2 13.5 4.2', hollow: true },
  unknown: { path: 'M3 3h10v10H3Z', hollow: true },
}
