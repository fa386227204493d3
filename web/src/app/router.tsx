import { createBrowserRouter } from 'react-router';

import { CrashPage } from './CrashPage';
import { NotFoundPage } from './NotFoundPage';
import { Shell } from './Shell';
import { WorklistPage } from './routes/WorklistPage';

/** Pages other than the first are fetched when they are opened. */
export const router = createBrowserRouter([
  {
    element: <Shell />,
    errorElement: <CrashPage />,
    children: [
      { index: true, element: <WorklistPage /> },
      { path: 'patients', lazy: async () => ({ Component: (await import('./routes/PatientsPage')).PatientsPage }) },
      { path: 'patients/:patientId', lazy: async () => ({ Component: (await import('./routes/PatientPage')).PatientPage }) },
      { path: 'upload', lazy: async () => ({ Component: (await import('./routes/UploadPage')).UploadPage }) },
      { path: 'mass-run', lazy: async () => ({ Component: (await import('./routes/MassRunPage')).MassRunPage }) },
      { path: 'studies/:scanId', lazy: async () => ({ Component: (await import('./routes/StudyPage')).StudyPage }) },
      { path: 'settings', lazy: async () => ({ Component: (await import('./routes/SettingsPage')).SettingsPage }) },
      { path: '*', element: <NotFoundPage /> },
    ],
  },
  {
    path: 'print/:scanId',
    errorElement: <CrashPage />,
    lazy: async () => ({ Component: (await import('./routes/PrintPage')).PrintPage }),
  },
]);
