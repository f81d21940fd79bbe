import { mount } from '@vue/test-utils'
import { computed, defineComponent, h, nextTick, ref } from 'vue'
import { beforeEach, describe, expect, it } from 'vitest'

import { ApiError } from '../api/client'
import type { Body, SchemaField } from '../api/types'
import { useDraft, type Draft } from './draft'
import { secretNames } from './schema'

const field = (name: string, secret = false): SchemaField => ({ name, doc: '', required: false, secret, default: null, schema: { type: 'string' } })
const NAMES = secretNames([field('name'), field('key'), field('login'), field('code', true)])

/** A form that was opened on something stored, or on something new. */
function opened(name = 'host.1'): { body: { value: Body | undefined }; draft: Draft } {
  const body = ref<Body>()
  let draft: Draft | undefined
  mount(
    defineComponent({
      setup() {
        draft = useDraft(computed(() => name), body, () => NAMES)
        return () => h('p')
      },
    }),
  )
  return { body, draft: draft as Draft }
}

async function typed(value: Body, version?: number): Promise<void> {
  const { body, draft } = opened()
  body.value = draft.restored({ name: 'h1', tags: [] }, version)
  await nextTick()
  body.value = value
  await nextTick()
}

describe('a draft', () => {
  beforeEach(() => window.sessionStorage.clear())

  it('is for the version that it was typed over, whatever is stored now', async () => {
    await typed({ name: 'h1', address: 'new' }, 1)
    const { draft } = opened()
    expect(draft.restored({ name: 'h1', tags: ['theirs'] }, 2)).toEqual({ name: 'h1', tags: ['theirs'], address: 'new' })
    expect(draft.was.value).toBe(true)
    expect(draft.version()).toBe(1)
  })

  it('overwrites what others saved once, and only after that was told', async () => {
    const { draft } = opened()
    draft.restored({ name: 'h1' }, 1)
    expect(draft.version()).toBe(1)
    expect(draft.overtaken(new ApiError(409, 'taken', [{ field: 'name', reason: 'taken', fix: '' }]))).toBe(false)
    expect(draft.version()).toBe(1)
    expect(draft.overtaken(new ApiError(409, 'changed', [{ field: 'if-version', reason: 'changed', fix: '' }]))).toBe(true)
    expect(draft.version()).toBeUndefined()
    expect(draft.version()).toBe(1)
  })

  it('keeps every field but those that hold secrets', async () => {
    await typed({ name: 'h1', key: 'resource', login: 'x', code: 'hidden', headers: { 'X-Api-Key': 'hidden', Accept: 'a' } }, 1)
    const { draft } = opened()
    expect(draft.restored({ name: '', code: '' }, 1)).toEqual({ name: 'h1', key: 'resource', login: 'x', code: '', headers: { Accept: 'a' } })
  })

  it('goes on after it was discarded', async () => {
    await typed({ name: 'one' }, 1)
    const { body, draft } = opened()
    draft.forget()
    body.value = draft.restored({ name: 'h1' }, 2)
    expect([draft.was.value, draft.version()]).toEqual([false, 2])
    body.value = { name: 'two' }
    await nextTick()
    expect(opened().draft.restored({ name: 'h1' }, 3)).toEqual({ name: 'two' })
  })
})
