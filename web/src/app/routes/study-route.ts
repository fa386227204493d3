import type { LoaderFunctionArgs } from 'react-router';

import { queryClient } from '@/api/query-client';
import { preloadViewer } from '@/features/viewer';
import { currentSession } from '@/session/session';

import { mayEnter } from '../places';

const load = () => import('./StudyPage');

/** The page's chunk is fetched while the reader looks at the list. */
export const preloadStudyPage = (): void => void load().catch(() => undefined);

/** A study's page; its data are asked for at the click, not once the page stands. */
export const studyRoute = {
  path: 'studies/:scanId',
  loader: ({ params: { scanId } }: LoaderFunctionArgs): null => {
    // Where the study is the first page that is opened, the viewer is not here yet.
    preloadViewer();
    const session = currentSession();
    if (scanId && session && mayEnter(session, 'worklist')) {
      void import('./study-data').then(({ fetchStudy }) => fetchStudy(queryClient, scanId)).catch(() => undefined);
    }
    return null;
  },
  lazy: async () => ({ Component: (await load()).StudyPage }),
};
