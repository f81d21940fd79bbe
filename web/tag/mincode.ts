/** Mincode: the compact form in which custom parameters travel. It holds what JSON holds, by the same rules. */

function escaped(text: string): string {
  return text.replace(/[~!]/g, '~$&') + '!'
}

function number(value: number, name: string): string {
  if (!isFinite(value)) return 'n' + name
  const plain = String(value)
  const exponential = value.toExponential()
  const shorter = exponential.length < plain.length ? exponential : plain
  if (value === Math.floor(value)) {
    const base36 = value.toString(36)
    if (base36.length <= shorter.length) return 'd' + name + base36 + '!'
  }
  return 'j' + name + shorter + '!'
}

function object(value: object, name: string): string {
  let text = '(' + name
  for (const key in value) {
    if (Object.prototype.hasOwnProperty.call(value, key)) {
      text += record((value as Record<string, unknown>)[key], key, escaped(key))
    }
  }
  return text + ')'
}

function array(value: unknown[], name: string): string {
  let text = 'a' + name
  for (let at = 0; at < value.length; at++) text += record(value[at], String(at), '') || 'n'
  return text + '.'
}

/** One value after its (escaped) name; empty when JSON would leave it out. */
function record(given: unknown, key: string, name: string): string {
  let value = given as { toJSON?: (key: string) => unknown } | null | undefined
  if (value && typeof value.toJSON === 'function') value = value.toJSON(key) as typeof value
  const kind = Object.prototype.toString.call(value)
  if (kind === '[object String]') return 's' + name + escaped(String(value))
  if (kind === '[object Number]') return number(Number(value), name)
  if (kind === '[object Boolean]') return (value?.valueOf() ? 't' : 'f') + name
  if (value === null) return 'n' + name
  if (kind === '[object Array]') return array(value as unknown[], name)
  return typeof value === 'object' ? object(value, name) : ''
}

/** A value as Mincode; empty for what JSON cannot hold (`undefined`, functions). */
export function mincode(value: unknown): string {
  return record(value, '', '')
}
