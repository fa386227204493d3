import { QueryClient } from '@tanstack/react-query';

import { ApiError } from './errors';

/** Only what may pass by itself is tried again: the network, and a gateway that says so. */
function mayPass(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || error.status === 503 || error.status === 504);
}

function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 10_000,
        retry: (failures, error) => failures < 2 && mayPass(error),
        refetchOnWindowFocus: true,
      },
      mutations: { retry: false },
    },
  });
}

/** What the page knows of the gateway's answers; one for the page. */
export const queryClient = createQueryClient();
