/** The words of the pages about webhooks. */
import { count } from './numbers'

export const words = {
  about: 'Every system that can call an address can raise alerts. Give it an API key with the scope write:webhooks.',
  own: 'Formats of your own',
  builtIn: 'Built in',
  name: 'Name',
  address: 'Address',
  title: 'What sends',
  signed: 'signed',
  signedHelp: 'Only what was signed with the secret in the settings is taken.',
  try: 'Call it',
  example: (url: string) => `curl -H 'X-API-Key: …' -H 'Content-Type: application/json' --data @message.json ${url}`,
  unread: 'Something came for a name that has no format',
  unreadHelp: 'Write one for it:',
  /** The editor. */
  editAbout: 'A format says how a message becomes alerts. Problems stand beside their lines as you type; the alerts of the chosen message stand below.',
  label: 'Format, as YAML or JSON',
  reference: 'The language is described in the documentation under “Inbound formats”.',
  message: 'Message to try it on',
  newest: (name: string) => `What came for ${name || 'it'}`,
  pick: 'Choose one …',
  none: 'Nothing came yet. Post something to the address, or write it below.',
  refresh: 'Read again',
  body: 'The message',
  bodyHelp: 'JSON, or the fields of a form as a=b&c=d when a form was chosen above.',
  query: (pairs: string) => `With the query ${pairs}`,
  alerts: (n: number) => (n === 1 ? '1 alert' : `${count(n)} alerts`),
  noAlerts: 'No alerts',
  waiting: 'The alerts appear when the format has no problems.',
  skipped: 'Nothing in this message is an alert.',
  saveFirst: 'Mend the problems before saving.',
  refused: 'refused',
  taken: 'taken',
  start: (name: string) => `name: ${name ? JSON.stringify(name) : 'my-monitor'}
for_each: $.problems[*]
close_when: {equal: [{path: $.state}, resolved]}
alert:
  resource: {path: $.host}
  event: {path: $.check}
  severity: {map: {path: $.level}, to: {fatal: critical, error: major}, default: warning}
  text: {template: "{$.check} on {$.host}: {$.message}"}
`,
  startMessage: `{
  "problems": [
    {"host": "web01", "check": "Disk", "level": "fatal", "message": "95 % used", "state": "open"}
  ]
}`,
}
