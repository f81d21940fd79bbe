/** Names that a form's fields may mean, by field name: those that exist. */
import { useQuery } from '@tanstack/vue-query'
import { computed, type ComputedRef } from 'vue'

import * as api from '../api/calls'
import { session } from '../api/session'
import type { ObjectKind } from '../api/types'
import { severityNames } from './severity'

export function useSuggestions(): ComputedRef<Record<string, readonly string[]>> {
  const enabled = session.may('read:objects')
  const names = (kind: ObjectKind) => {
    const query = useQuery({ queryKey: ['objects', kind], queryFn: () => api.objects.list(kind), enabled })
    return computed(() => (query.data.value?.objects ?? []).map(({ name }) => name))
  }
  const [services, hosts, policies, channels] = [names('service'), names('host'), names('policy'), names('channel')]
  const config = useQuery({ queryKey: ['config'], queryFn: api.config.read, staleTime: 300_000 })
  const users = useQuery({ queryKey: ['users'], queryFn: api.people.users, enabled: session.may('admin:users') })
  return computed(() => {
    const severities = severityNames()
    const environments = config.data.value?.environments ?? []
    return {
      services: services.value,
      service: services.value,
      host: hosts.value,
      policy: policies.value,
      channel: channels.value,
      to: (users.data.value?.users ?? []).map(({ login }) => login),
      environment: environments,
      environments,
      severity: severities,
      warning_severity: severities,
      unknown_severity: severities,
      minimum_severity: severities,
    }
  })
}
