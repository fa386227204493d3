import type { StudyRow } from '@/api/types';

/** Undetermined at a probability at or above the threshold: suspicious as a pathology is, but not all was seen. */
export const isIncomplete = ({ status, verdict, probability_of_pathology: probability, threshold }: StudyRow): boolean =>
  status === 'completed' &&
  verdict === 'undetermined' &&
  typeof probability === 'number' &&
  typeof threshold === 'number' &&
  probability >= threshold;
