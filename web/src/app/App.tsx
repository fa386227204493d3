import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core';
import { Notifications } from '@mantine/notifications';
import { QueryClientProvider } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { RouterProvider } from 'react-router';

import { queryClient } from '@/api/query-client';

import { router } from './router';
import { theme } from './theme';

const schemeManager = localStorageColorSchemeManager({ key: 'norma-color-scheme' });

/** Pictures are read on dark, paper is white; everywhere else the reader's own choice holds. */
function schemeOf(path: string): 'dark' | 'light' | undefined {
  if (path.startsWith('/print/')) {
    return 'light';
  }
  return path.startsWith('/studies/') ? 'dark' : undefined;
}

export function App() {
  const [forced, setForced] = useState(() => schemeOf(window.location.pathname));
  useEffect(() => router.subscribe(({ location }) => setForced(schemeOf(location.pathname))), []);
  return (
    <QueryClientProvider client={queryClient}>
      <MantineProvider
        theme={theme}
        defaultColorScheme="auto"
        colorSchemeManager={schemeManager}
        {...(forced ? { forceColorScheme: forced } : {})}
      >
        <Notifications position="top-right" limit={4} />
        <RouterProvider router={router} />
      </MantineProvider>
    </QueryClientProvider>
  );
}
