import './styles/tokens.css'
import './styles/base.css'

import { QueryClient, VueQueryPlugin } from '@tanstack/vue-query'
import { createApp } from 'vue'

import { ApiError, whenUnauthorised } from './api/client'
import { forgetSession } from './api/session'
import App from './App.vue'
import { startKeys } from './keys/keymap'
import { startTheme } from './lib/theme'
import { destination, makeRouter } from './router'

const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      // What changes is told by the stream; the slow refetch is for when nobody tells.
      staleTime: 5_000,
      refetchInterval: 60_000,
      retry: (tries, error) => tries < 2 && !(error instanceof ApiError && error.code >= 400 && error.code < 500),
    },
  },
})
const router = makeRouter()

whenUnauthorised(() => {
  forgetSession()
  const back = destination(router)
  if (back.name !== 'login') void router.push({ name: 'login', query: { back: back.fullPath, expired: '1' } })
})

startTheme()
startKeys()
createApp(App).use(router).use(VueQueryPlugin, { queryClient }).mount('#app')
