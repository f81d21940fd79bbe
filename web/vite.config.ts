import { fileURLToPath, URL } from 'node:url'

import vue from '@vitejs/plugin-vue'
import { defineConfig } from 'vitest/config'

const api = process.env.WATCHBELL_DEV_API ?? 'http://127.0.0.1:8080'

// The pages are built into the Python package, which serves them under a strict content security policy:
// no inline script or style, no data: scripts, no third-party host.
export default defineConfig({
  plugins: [vue()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  build: {
    outDir: '../src/watchbell/api/static',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
    chunkSizeWarningLimit: 1000,
    // A slow machine is no fault of a plug-in.
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  server: {
    host: '127.0.0.1',
    proxy: Object.fromEntries(
      ['/api', '/status', '/ping', '/metrics', '/healthz', '/readyz'].map((path) => [path, { target: api }]),
    ),
  },
  test: {
    environment: 'jsdom',
    include: ['src/**/*.test.ts', 'tag/**/*.test.ts'],
    passWithNoTests: true,
    restoreMocks: true,
  },
})
