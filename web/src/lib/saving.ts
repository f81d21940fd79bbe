/** What a form that saves needs: whether it is at it, and what is wrong, by field and otherwise. */
import { ref, shallowRef, type Ref } from 'vue'

import { ApiError, wordsOf } from '../api/client'

/** `shown`: the fields beside which the form says what is wrong with them; all the rest is said in `problem`. */
export function useSaving<Name extends string = never>(...shown: readonly Name[]): {
  busy: Ref<boolean>
  errors: Ref<Partial<Record<Name, string>>>
  problem: Ref<string>
  clear: () => void
  run: (save: () => Promise<unknown>) => Promise<boolean>
} {
  const busy = ref(false)
  const errors: Ref<Partial<Record<Name, string>>> = shallowRef({})
  const problem = ref('')

  function clear(): void {
    errors.value = {}
    problem.value = ''
  }

  /** Answers whether it was saved; a second press while the first is under way does nothing. */
  async function run(save: () => Promise<unknown>): Promise<boolean> {
    if (busy.value) return false
    busy.value = true
    clear()
    try {
      await save()
      return true
    } catch (error) {
      const told = error instanceof ApiError ? error.byField(shown) : { fields: {}, others: [wordsOf(error)] }
      errors.value = told.fields as Partial<Record<Name, string>>
      problem.value = told.others.join('; ')
      return false
    } finally {
      busy.value = false
    }
  }

  return { busy, errors, problem, clear, run }
}
