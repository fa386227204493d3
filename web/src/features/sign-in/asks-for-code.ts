import { asApiError } from '@/api/errors';

/** Whether everything was right so far, and a code of the second factor is asked for. */
export const asksForCode = (error: unknown): boolean => Boolean(error) && asApiError(error).code === 'second_factor_required';
