import { createBrowserRouter, Navigate } from 'react-router';

import { CrashPage } from './CrashPage';
import { Entrance } from './Entrance';
import { NotFoundPage } from './NotFoundPage';
import { SessionGate } from './SessionGate';
import { Shell } from './Shell';
import { studyRoute } from './routes/study-route';
import { WorklistPage } from './routes/WorklistPage';

/** Pages other than the first are fetched when they are opened. */
export const router = createBrowserRouter([
  {
    path: 'login',
    errorElement: <CrashPage />,
    lazy: async () => ({ Component: (await import('./routes/LoginPage')).LoginPage }),
  },
  {
    element: <SessionGate />,
    errorElement: <CrashPage />,
    children: [
      {
        element: <Shell />,
        errorElement: <CrashPage />,
        children: [
          {
            element: <Entrance place="worklist" />,
            children: [
              { index: true, element: <WorklistPage /> },
              studyRoute,
            ],
          },
          {
            element: <Entrance place="patients" />,
            children: [
              { path: 'patients', lazy: async () => ({ Component: (await import('./routes/PatientsPage')).PatientsPage }) },
              { path: 'patients/:patientId', lazy: async () => ({ Component: (await import('./routes/PatientPage')).PatientPage }) },
            ],
          },
          {
            element: <Entrance place="erasures" />,
            children: ['erasures', 'erasures/:patientId'].map((path) => ({
              path,
              lazy: async () => ({ Component: (await import('./routes/ErasurePage')).ErasurePage }),
            })),
          },
          {
            element: <Entrance place="upload" />,
            children: [{ path: 'upload', lazy: async () => ({ Component: (await import('./routes/UploadPage')).UploadPage }) }],
          },
          {
            element: <Entrance place="massRun" />,
            children: [{ path: 'mass-run', lazy: async () => ({ Component: (await import('./routes/MassRunPage')).MassRunPage }) }],
          },
          {
            element: <Entrance place="operation" />,
            children: [{ path: 'operation', lazy: async () => ({ Component: (await import('./routes/OperationPage')).OperationPage }) }],
          },
          {
            element: <Entrance place="site" />,
            children: [{ path: 'site', lazy: async () => ({ Component: (await import('./routes/SitePage')).SitePage }) }],
          },
          {
            element: <Entrance place="deliveries" />,
            children: [{ path: 'deliveries', lazy: async () => ({ Component: (await import('./routes/DeliveriesPage')).DeliveriesPage }) }],
          },
          {
            element: <Entrance place="administration" />,
            children: [
              { path: 'administration', element: <Navigate to="/administration/people" replace /> },
              {
                path: 'administration/:part',
                lazy: async () => ({ Component: (await import('./routes/AdministrationPage')).AdministrationPage }),
              },
            ],
          },
          { path: 'sessions', lazy: async () => ({ Component: (await import('./routes/SessionsPage')).SessionsPage }) },
          { path: 'second-factor', lazy: async () => ({ Component: (await import('./routes/SecondFactorPage')).SecondFactorPage }) },
          { path: 'settings', lazy: async () => ({ Component: (await import('./routes/SettingsPage')).SettingsPage }) },
          { path: '*', element: <NotFoundPage /> },
        ],
      },
      {
        path: 'print/:scanId',
        errorElement: <CrashPage />,
        lazy: async () => ({ Component: (await import('./routes/PrintPage')).PrintPage }),
      },
    ],
  },
]);
