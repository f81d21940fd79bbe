/** Light, dark, or as the system has it. */
import { ref, watch } from 'vue'

import { readStored, writeStored } from './store'

export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = (typeof THEMES)[number]

export const theme = ref<Theme>(readStored<Theme>('theme', 'system'))
/** Grows when colours may have changed, for what is painted on a canvas. */
export const paint = ref(0)

function show(): void {
  if (theme.value === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme.value
  paint.value += 1
}

export function startTheme(): void {
  show()
  watch(theme, (now) => {
    writeStored('theme', now === 'system' ? null : now)
    show()
  })
  window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', show)
}

/** A token's colour as a canvas understands it. */
export function colourOf(token: string): string {
  const probe = document.createElement('span')
  probe.style.color = `var(--${token})`
  document.body.append(probe)
  const colour = getComputedStyle(probe).color
  probe.remove()
  return colour
}
