/** Numbers of a rule as people read them: shares in per cent. */
const plain = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 4 })
const share = new Intl.NumberFormat(undefined, { style: 'percent', maximumSignificantDigits: 3 })

export function numberOf(kind: string): (value: number) => string {
  const format = kind === 'ratio' || kind === 'funnel' ? share : plain
  return (value) => format.format(value)
}
