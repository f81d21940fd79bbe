/** What the settings say of groups of users and of customers. */
import { many } from './numbers'

export const groupText = {
  create: 'New group',
  about: 'A group holds users: alerts are assigned to it, a role with its name is everybody’s in it, and so is a customer.',
  none: 'No groups',
  column: { name: 'Group', text: 'About', count: 'Members' },
  name: 'Name',
  text: 'About',
  members: 'Members',
  nobody: 'Nobody belongs to it yet.',
  add: 'Login of the user to add',
  added: (who: string, group: string) => `${who} belongs to ${group} now.`,
  takeOut: (who: string) => `Take ${who} out`,
  takeOutAsk: (who: string, group: string) => `Take ${who} out of ${group}?`,
  takeOutWhy: 'What only this group lets them do ends, and API keys of theirs that give more are revoked.',
  takenOut: (who: string, group: string) => `${who} no longer belongs to ${group}.`,
  removeWhy: (n: number) => `${many(n, 'member stays a user', 'members stay users')}. What only this group lets them do ends, and API keys of theirs that give more are revoked.`,
  inactive: 'inactive',
} as const

export const customerText = {
  create: 'New look-up',
  about: 'Whoever the first column describes belongs to the customer, and sees and changes only what is theirs.',
  off: 'Customer views are off: these look-ups decide nothing. The setting auth.customer_views turns them on.',
  none: 'No look-ups',
  column: { match: 'Login, role, group or mail domain', customer: 'Customer' },
  customerHelp: '`*` is every customer.',
  every: 'every customer',
  what: (match: string, customer: string) => `${match} → ${customer}`,
} as const
