import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { bodyOf, client, done } from './client';
import type { FeedbackInput } from './types';

const feedbackKey = (analysisId: string) => ['feedback', analysisId] as const;

export const useFeedback = (analysisId: string) =>
  useQuery({
    queryKey: feedbackKey(analysisId),
    queryFn: ({ signal }) =>
      bodyOf(client.GET('/api/analyses/{analysis_id}/feedback', { params: { path: { analysis_id: analysisId } }, signal })),
  });

export function useGiveFeedback(analysisId: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (body: FeedbackInput) =>
      bodyOf(client.POST('/api/analyses/{analysis_id}/feedback', { params: { path: { analysis_id: analysisId } }, body })),
    onSuccess: () => queries.invalidateQueries({ queryKey: feedbackKey(analysisId) }),
  });
}

/** Takes one's own word back. */
export function useTakeFeedbackBack(analysisId: string) {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (feedbackId: string) =>
      done(client.DELETE('/api/analyses/{analysis_id}/feedback/{feedback_id}', { params: { path: { analysis_id: analysisId, feedback_id: feedbackId } } })),
    onSettled: () => queries.invalidateQueries({ queryKey: feedbackKey(analysisId) }),
  });
}
