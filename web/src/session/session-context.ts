import { createContext, useContext } from 'react';

import type { Role, Session } from '@/api/types';

import { mayAs } from './session';

export const SessionContext = createContext<Session | null>(null);

/** The session of who looks at the page; only pages within the gate ask. */
export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) {
    throw new Error('a page outside the gate has no session');
  }
  return session;
}

export const useMay = (...roles: Role[]): boolean => mayAs(useSession(), roles);
