/// <reference types="vitest/config" />
import { fileURLToPath } from 'node:url';

import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

// The gateway that `npm run dev` talks to; the built page is served by the gateway itself.
const gateway = process.env['NORMA_GATEWAY'] ?? 'http://127.0.0.1:8080';

export default defineConfig({
  plugins: [react()],
  resolve: { alias: { '@': fileURLToPath(new URL('./src', import.meta.url)) } },
  // cornerstone starts its workers as ES modules.
  worker: { format: 'es' },
  build: {
    target: 'es2022',
    sourcemap: false,
    // The viewer's chunk holds cornerstone and vtk.js; it is loaded after the first page stands.
    chunkSizeWarningLimit: 3500,
    manifest: true,
    // Everything by file: the content policy of the page allows no data: scripts or fonts.
    assetsInlineLimit: 0,
  },
  server: {
    proxy: {
      '/api': gateway,
      '/inference': gateway,
      '/openapi.json': gateway,
      '/readyz': gateway,
      '/healthz': gateway,
    },
  },
  test: {
    environment: 'happy-dom',
    include: ['src/**/*.test.{ts,tsx}'],
    setupFiles: ['src/test-setup.ts'],
    restoreMocks: true,
  },
});
