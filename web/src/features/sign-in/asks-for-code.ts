import { asApiError } from '@/api/errors';

/** Whether everything was right so far, and a second factor is asked for. */
export const asksForCode = (error: unknown): boolean => Boolean(error) && asApiError(error).code === 'second_factor_required';

/** Whether a passkey may be that. */
export const takesPasskey = (error: unknown): boolean => asksForCode(error) && asApiError(error).allowed.includes('passkey');
