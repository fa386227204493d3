import '@fontsource-variable/inter/wght.css';
import '@mantine/core/styles.layer.css';
import '@mantine/notifications/styles.layer.css';
import './styles/tokens.css';

import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';

import { App } from './app/App';
import i18next, { textsLoaded } from './i18n/i18n';

const NO_TEXTS = 'Norma could not be loaded: reload the page. / Norma не загрузилась: обновите страницу.';

const root = document.getElementById('root');
await textsLoaded;
if (root && !i18next.hasLoadedNamespace('translation')) {
  root.textContent = NO_TEXTS;
} else if (root) {
  createRoot(root).render(
    <StrictMode>
      <App />
    </StrictMode>,
  );
}
