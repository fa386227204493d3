import { keepPreviousData, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';

import { bodyOf, client } from './client';
import type { DeliveryState } from './types';

const deliveriesKey = ['deliveries'] as const;
const EVERY_MS = 5_000;

export interface DeliveryFilter {
  state?: DeliveryState | undefined;
  destination?: string | undefined;
}

/** Results on their way to a PACS, newest first. */
export const useDeliveries = (filter: DeliveryFilter, limit: number, offset: number) =>
  useQuery({
    queryKey: [...deliveriesKey, filter, { limit, offset }],
    queryFn: ({ signal }) => bodyOf(client.GET('/api/deliveries', { params: { query: { ...filter, limit, offset } }, signal })),
    placeholderData: keepPreviousData,
    refetchInterval: EVERY_MS,
  });

export const useDeliveryDestinations = () =>
  useQuery({
    queryKey: [...deliveriesKey, 'destinations'],
    queryFn: ({ signal }) => bodyOf(client.GET('/api/deliveries/destinations', { signal })),
    refetchInterval: EVERY_MS,
  });

export function useSendAgain() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (deliveryId: string) =>
      bodyOf(client.POST('/api/deliveries/{delivery_id}/send-again', { params: { path: { delivery_id: deliveryId } } })),
    // A refusal tells that what is shown is old.
    onSettled: () => queries.invalidateQueries({ queryKey: deliveriesKey }),
  });
}

/** Everything that failed: of a destination, or of all. */
export function useSendFailedAgain() {
  const queries = useQueryClient();
  return useMutation({
    mutationFn: (destination: string | undefined) =>
      bodyOf(client.POST('/api/deliveries/send-again', { params: { query: { destination } } })),
    onSettled: () => queries.invalidateQueries({ queryKey: deliveriesKey }),
  });
}
