/** The words of the page on which mappings are written. */
import { count } from './numbers'

export const words = {
  about: 'A mapping makes a typed record of each event. Problems stand beside their lines as you type; the record of the chosen event stands below.',
  label: 'Mapping, as YAML or JSON',
  reference: 'The language is described in the documentation under “Mappings”.',
  fine: 'No problems.',
  problems: (n: number) => (n === 1 ? '1 problem' : `${count(n)} problems`),
  checking: 'Checking …',
  line: (n: number) => `Line ${count(n)}`,
  event: 'Event to try it on',
  newest: 'Newest events',
  pick: 'Choose one …',
  none: 'No events came yet. Write one below.',
  refresh: 'Read again',
  own: 'The event, as JSON',
  ownHelp: 'Change anything: `location`, `event_type`, `parameters`, `headers`, `user_agent`, `corrupt` …',
  notJson: 'This is not JSON.',
  record: 'Record',
  noRecord: 'No record',
  waiting: 'The record appears when the mapping has no problems.',
  field: 'Field',
  type: 'Type',
  value: 'Value',
  unset: 'not set',
  path: 'The way it took',
  saveFirst: 'Mend the problems before saving.',
  all: 'All mappings',
  /** What a new mapping begins with. */
  start: `name: pages
schema:
  type: record
  name: PageView
  namespace: com.example
  fields:
    - {name: timestamp, type: {type: long, logicalType: timestamp-millis}}
    - {name: party, type: string}
    - {name: path, type: ["null", string], default: null}
    - {name: price, type: ["null", double], default: null}
steps:
  - {set: timestamp, to: {value: timestamp}}
  - {set: party, to: {value: party_id}}
  - {set: path, to: {uri: path, of: {value: location}}}
  - when: {equal: [{value: event_type}, addToBasket]}
    then:
      - {set: price, to: {path: $.price}}
`,
  startEvent: `{
  "event_type": "addToBasket",
  "location": "https://www.example.com/shoes/42?size=9",
  "parameters": {"price": 12.5}
}`,
}
