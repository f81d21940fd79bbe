/** The columns that the alert console can show, and those that it shows until somebody chooses. */
import type { Column } from '../components/columns'
import { text } from '../text/en'

const title = text.alerts.column

export const ALERT_COLUMNS: Column[] = [
  { key: 'severity', title: title.severity, width: '118px', narrow: '32px', sort: 'severity' },
  { key: 'status', title: title.status, width: '128px', sort: 'status', wide: true },
  { key: 'lastReceiveTime', title: title.lastReceiveTime, width: '104px', narrow: '88px', sort: 'lastReceiveTime' },
  { key: 'duplicateCount', title: title.duplicateCount, width: '64px', sort: 'duplicateCount', num: true, wide: true },
  { key: 'resource', title: title.resource, width: 'minmax(90px, 1.2fr)', sort: 'resource' },
  { key: 'event', title: title.event, width: 'minmax(90px, 1fr)', sort: 'event' },
  { key: 'environment', title: title.environment, width: '110px', sort: 'environment', wide: true },
  { key: 'service', title: title.service, width: 'minmax(80px, 0.8fr)', sort: 'service', wide: true },
  { key: 'value', title: title.value, width: '90px', sort: 'value', wide: true },
  { key: 'text', title: title.text, width: 'minmax(120px, 2.4fr)', sort: 'text', wide: true },
  { key: 'group', title: title.group, width: '90px', sort: 'group', wide: true },
  { key: 'origin', title: title.origin, width: '130px', sort: 'origin', wide: true },
  { key: 'createTime', title: title.createTime, width: '104px', sort: 'createTime', wide: true },
  { key: 'receiveTime', title: title.receiveTime, width: '104px', sort: 'receiveTime', wide: true },
  { key: 'updateTime', title: title.updateTime, width: '120px', sort: 'updateTime', wide: true },
  { key: 'previousSeverity', title: title.previousSeverity, width: '130px', sort: 'previousSeverity', wide: true },
  { key: 'type', title: title.type, width: '120px', sort: 'type', wide: true },
  { key: 'customer', title: title.customer, width: '110px', sort: 'customer', wide: true },
  { key: 'tags', title: title.tags, width: '130px', wide: true },
  { key: 'assignee', title: title.assignee, width: '110px', sort: 'assignee', wide: true },
]

const ATTRIBUTE = 'attributes.'
/** The name of the attribute that a column shows; undefined for the others. */
export const attributeOf = (key: string): string | undefined => (key.startsWith(ATTRIBUTE) ? key.slice(ATTRIBUTE.length) : undefined)
/** The key of the column that shows an attribute. */
export const keyOfAttribute = (name: string): string => `${ATTRIBUTE}${name}`
/** Those that every alert has, and of attributes those that somebody chose. */
export function columnsWith(chosen: readonly string[]): Column[] {
  const named = chosen.flatMap((key) => attributeOf(key) ?? [])
  return [...ALERT_COLUMNS, ...named.map((name) => ({ key: keyOfAttribute(name), title: name, width: '120px', sort: keyOfAttribute(name), wide: true }))]
}

export const FIRST_COLUMNS = ['severity', 'status', 'lastReceiveTime', 'duplicateCount', 'resource', 'event', 'service', 'text']
/** What the list can be grouped by, as the address has it. */
export const GROUPABLE = ['environment', 'service', 'resource', 'event', 'group', 'severity', 'status', 'origin', 'tags', 'customer'] as const
export const FILTER_FIELDS = ['q', 'environment', 'status', 'severity', 'service', 'resource', 'event', 'group', 'tag', 'origin', 'type', 'text', 'flapping', 'inhibited', 'inhibitedBy', 'assignee'] as const
