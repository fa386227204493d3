import type { Role, Session } from '@/api/types';
import { mayAs } from '@/session/session';

export const PLACES = ['worklist', 'patients', 'upload', 'massRun', 'operation', 'site', 'deliveries', 'administration', 'settings'] as const;
export type Place = (typeof PLACES)[number];
/** Reached from other pages, too: not every place is named at the head. */
export type Room = Place | 'erasures';

export const PATHS: Record<Place, string> = {
  worklist: '/',
  patients: '/patients',
  upload: '/upload',
  massRun: '/mass-run',
  operation: '/operation',
  site: '/site',
  deliveries: '/deliveries',
  administration: '/administration',
  settings: '/settings',
};

/** Which roles a place is for. The gateway decides; the page does not lead where it would refuse. */
const ROLES: Record<Room, readonly Role[] | null> = {
  worklist: ['clinician'],
  patients: ['clinician'],
  erasures: ['clinician', 'administrator'],
  upload: ['clinician'],
  massRun: ['clinician', 'integrator'],
  operation: ['operator'],
  site: ['operator'],
  deliveries: ['operator', 'administrator'],
  administration: ['administrator'],
  settings: null,
};

export function mayEnter(session: Session, place: Room): boolean {
  const roles = ROLES[place];
  // Without sign-in there are no people to administer.
  if (place === 'administration' && session.authentication === 'off') {
    return false;
  }
  return roles === null || mayAs(session, roles);
}

const MINOR: readonly Place[] = ['operation', 'site', 'deliveries', 'administration', 'settings'];

/** Places that are seldom gone to: on narrow screens their names give way. */
export const isMinor = (place: Place): boolean => MINOR.includes(place);

/** Where one starts: the first place that is open. */
export const homeOf = (session: Session): string => PATHS[PLACES.find((place) => mayEnter(session, place)) ?? 'settings'];
