/** The pages of settings, and which of them whoever looks may see. */
import { session } from '../api/session'
import { text } from '../text/en'

/** Those that are lists of objects. */
export const OBJECT_SECTIONS: readonly string[] = ['channel', 'policy', 'host', 'mapping', 'rule', 'inhibition', 'correlation']

/** The scope without which a page is a refusal; '' where everybody is at home. */
const NEEDS: Record<string, string> = {
  ...Object.fromEntries(OBJECT_SECTIONS.map((kind) => [kind, 'read:objects'])),
  webhook: 'read:objects', users: 'admin:users', groups: 'read:groups', customers: 'read:customers', roles: 'read:perms', keys: 'read:keys',
  profile: 'read:userinfo', appearance: '', about: 'read:management', audit: 'admin:management',
}

/** Their names by their keys, in the order of the tabs. */
export function sections(): [string, string][] {
  return Object.entries(text.settings.sections).filter(([key]) => {
    const needs = NEEDS[key]
    return needs !== undefined && (!needs || session.may(needs))
  })
}

export const firstSection = (): string => sections()[0]?.[0] ?? 'appearance'
