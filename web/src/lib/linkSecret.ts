/** The secret of a link in a mail. It is in the fragment, so that it reaches no log; and it leaves the address as soon as it is read. */
import { ref, watch, type Ref } from 'vue'
import { useRoute, useRouter } from 'vue-router'

export function useLinkSecret(): Ref<string> {
  const route = useRoute()
  const router = useRouter()
  const secret = ref('')
  watch(
    () => route.hash,
    (hash) => {
      const found = new URLSearchParams(hash.slice(1)).get('token')
      if (!found) return
      secret.value = found
      void router.replace({ path: route.path, hash: '' })
    },
    { immediate: true },
  )
  return secret
}
