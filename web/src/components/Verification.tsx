import { lazy, Suspense, useSyncExternalStore } from 'react';

import { isAsked, onAsked } from '@/session/verification';

const Dialog = lazy(async () => ({ default: (await import('./VerificationDialog')).VerificationDialog }));

/** The question who it is, fetched when it is asked first. */
export function Verification() {
  const asked = useSyncExternalStore(onAsked, isAsked);
  return asked ? (
    <Suspense>
      <Dialog />
    </Suspense>
  ) : null;
}
