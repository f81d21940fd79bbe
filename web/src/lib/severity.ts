/** Severities as the pages show them: every word that the API may say falls to one of eight looks. */

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

export function lookOf(severity: string): Look {
  const word = severity.toLowerCase()
  return (LOOKS as readonly string[]).includes(word) ? (word as Look) : (Object.hasOwn(ALIASES, word) ? ALIASES[word] : undefined) ?? 'unknown'
}

/** 0 is the worst. */
export function rankOf(severity: string): number {
  return LOOKS.indexOf(lookOf(severity))
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
