/** When somebody last looked at a page: what came since is new until this visit ends. */
import { onBeforeUnmount, onMounted } from 'vue'

import { readStored, writeStored } from './store'

/** The end of the visit before this one, as the server writes times; '' when there was none. */
export function useLastVisit(name: string): string {
  const before = readStored<string>(name, '')
  const end = (): void => writeStored(name, new Date().toISOString())
  // A page that is loaded anew, closed or put away is not unmounted. Nobody sees what comes to one that is hidden.
  const hidden = (): void => {
    if (document.visibilityState === 'hidden') end()
  }
  const gone = (): void => {
    if (document.visibilityState !== 'hidden') end()
  }
  onMounted(() => {
    document.addEventListener('visibilitychange', hidden)
    window.addEventListener('pagehide', gone)
  })
  onBeforeUnmount(() => {
    document.removeEventListener('visibilitychange', hidden)
    window.removeEventListener('pagehide', gone)
    end()
  })
  return before
}
