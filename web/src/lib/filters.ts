/** Filters as words in the address: what the line of words shows and what the API is asked are the same thing. */
import type { LocationQuery, LocationQueryRaw } from 'vue-router'

export interface FilterWord {
  field: string
  value: string
}

const OPERATORS = /(!=~|!=|=~)$/

/** `severity=critical&severity=major&q=disk` → words, in the order of `fields`. Unknown names are left alone. */
export function wordsFrom(query: LocationQuery, fields: readonly string[]): FilterWord[] {
  const words: FilterWord[] = []
  for (const field of fields) {
    const value = query[field]
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== '') words.push({ field, value: one })
    }
  }
  return words
}

/** The query of the address with these words in place of those that were there; other names stay. */
export function queryWith(query: LocationQuery, fields: readonly string[], words: readonly FilterWord[]): LocationQueryRaw {
  const next: LocationQueryRaw = {}
  for (const [name, value] of Object.entries(query)) if (!fields.includes(name)) next[name] = value
  for (const [field, values] of Object.entries(grouped(words))) next[field] = values.length === 1 ? values[0] : values
  return next
}

export function grouped(words: readonly FilterWord[]): Record<string, string[]> {
  const found: Record<string, string[]> = {}
  for (const { field, value } of words) (found[field] ??= []).push(value)
  return found
}

export function added(words: readonly FilterWord[], word: FilterWord): FilterWord[] {
  // Free text is one sentence: a new one replaces the old.
  const kept = word.field === 'q' ? words.filter(({ field }) => field !== 'q') : [...words]
  return kept.some((one) => one.field === word.field && one.value === word.value) ? kept : [...kept, word]
}

export function without(words: readonly FilterWord[], word: FilterWord): FilterWord[] {
  return words.filter((one) => one.field !== word.field || one.value !== word.value)
}

/** What a person typed: `severity:critical`, `severity=critical`, or free text. */
export function parseWord(typed: string, fields: readonly string[], free = 'q'): FilterWord | null {
  const text = typed.trim()
  if (!text) return null
  const match = /^([A-Za-z-]+)\s*[:=]\s*(\S.*)$/.exec(text)
  const field = fields.find((one) => one.toLowerCase() === match?.[1]?.toLowerCase())
  if (field && match?.[2] && !OPERATORS.test(field)) return { field, value: match[2].trim() }
  return { field: free, value: text }
}
