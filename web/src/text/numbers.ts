/** Numbers in words, as the viewer writes them. */

const plural = new Intl.PluralRules('en')
export const count = (n: number): string => new Intl.NumberFormat().format(n)
export const many = (n: number, one: string, more: string): string => `${count(n)} ${plural.select(n) === 'one' ? one : more}`
