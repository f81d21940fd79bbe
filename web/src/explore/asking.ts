/** Asks a question and follows its progress; another question, or leaving the page, stops the one before. */
import { onScopeDispose, ref, shallowRef, watch, type Ref, type ShallowRef } from 'vue'

import { openStream, wordsOf } from '../api/client'
import type { Question } from './wire'

export interface Asking<Answer> {
  answer: ShallowRef<(Answer & { tookMs?: number; files?: number }) | undefined>
  pending: Ref<boolean>
  /** 0 to 1, when it is known. */
  done: Ref<number | undefined>
  error: Ref<string>
  stopped: Ref<boolean>
  stop: () => void
  again: () => void
}

export function useAsking<Answer>(question: () => Question | undefined): Asking<Answer> {
  const answer: Asking<Answer>['answer'] = shallowRef()
  const pending = ref(false)
  const done = ref<number>()
  const error = ref('')
  const stopped = ref(false)
  let running: AbortController | undefined

  function stop(): void {
    if (!running) return
    running.abort()
    running = undefined
    pending.value = false
    stopped.value = true
  }

  async function ask(asked: Question | undefined): Promise<void> {
    running?.abort()
    running = undefined
    stopped.value = false
    error.value = ''
    done.value = undefined
    pending.value = asked !== undefined
    if (!asked) {
      answer.value = undefined
      return
    }
    const mine = new AbortController()
    running = mine
    try {
      await openStream(
        '/events/queries',
        asked,
        (name, data) => {
          if (running !== mine) return
          if (name === 'progress') done.value = (data as { done: number | null }).done ?? undefined
          else if (name === 'error') error.value = (data as { message: string }).message
          else if (name === 'answer') answer.value = data as typeof answer.value
        },
        mine.signal,
      )
    } catch (failed) {
      if (running === mine) error.value = wordsOf(failed)
    }
    if (running !== mine) return
    running = undefined
    pending.value = false
  }

  const again = (): void => void ask(question())
  watch(() => JSON.stringify(question() ?? null), again, { immediate: true })
  onScopeDispose(() => running?.abort())
  return { answer, pending, done, error, stopped, stop, again }
}
