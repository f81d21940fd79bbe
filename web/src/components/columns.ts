/** What a list knows of a column. */
export interface Column {
  key: string
  title: string
  /** A track of the grid: `80px`, `minmax(0, 2fr)`. */
  width: string
  /** The field to sort by; absent when it cannot be sorted. */
  sort?: string
  num?: boolean
  /** The track on a phone, when it differs. */
  narrow?: string
  /** Not shown on a phone. */
  wide?: boolean
}
