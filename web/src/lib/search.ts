/** Finding by what a person types: every typed part must occur; the earlier and the more at a word's start, the better. */

/** A query has a greatest length. */
const MOST_WORDS = 8

/** Alerts that have every typed word somewhere in their texts: words are words, not syntax. */
export function asQuery(typed: string): string {
  const words = typed.split(/\s+/).filter(Boolean).slice(0, MOST_WORDS)
  return words.map((word) => `*${word.slice(0, 60).replace(/[^\p{L}\p{N}_]/gu, '\\$&')}*`).join(' AND ')
}

export interface Found {
  key: string
  group: string
  title: string
  more?: string
  severity?: string
  act: () => void
}

export function ranked(all: readonly Found[], typed: string, most: number): Found[] {
  const parts = typed.toLowerCase().split(/\s+/).filter(Boolean)
  if (!parts.length) return all.slice(0, most)
  const scored = all.flatMap((one) => {
    const score = scoreOf(one, parts)
    return score === null ? [] : [{ one, score }]
  })
  return scored
    .sort((a, b) => a.score - b.score)
    .slice(0, most)
    .map(({ one }) => one)
}

function scoreOf(one: Found, parts: readonly string[]): number | null {
  const title = one.title.toLowerCase()
  const more = (one.more ?? '').toLowerCase()
  let score = 0
  for (const part of parts) {
    const at = title.indexOf(part)
    if (at >= 0) score += at === 0 ? 0 : /\W/.test(title.charAt(at - 1)) ? 1 : 3
    else if (more.includes(part)) score += 6
    else return null
  }
  return score + title.length / 1000
}
