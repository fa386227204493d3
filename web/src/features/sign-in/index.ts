import { lazy } from 'react';

export { AccountMenu } from './components/AccountMenu';

/** Of the login page alone: who is signed in already does not fetch it. */
export const SignIn = lazy(async () => ({ default: (await import('./components/SignIn')).SignIn }));
