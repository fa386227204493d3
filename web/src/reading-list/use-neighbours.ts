import { useQuery, useQueryClient, type QueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';

import display from '@/api/display.json';
import { filteringOf, filterOf, studiesKey, studiesQuery } from '@/api/studies';

import {
  freezeReadingList,
  frozenReadingList,
  lengthened,
  listAddress,
  missingPart,
  neighboursIn,
  type Neighbours,
  type ReadingList,
} from './reading-list';

const PART = display.limits.page_items;
/** A study that is linked to is looked for among so many; further down its neighbours are not known. */
const LOOKED_FOR = 2_000;

async function part(queries: QueryClient, filter: ReadingList['filter'], offset: number, limit: number) {
  const { items, total } = await queries.query({ ...studiesQuery({ ...filter, limit, offset }) });
  return { scanIds: items.map((study) => study.scan_id), offset, total };
}

/** The list that the reader came from, read as far as the study. */
async function listWith(queries: QueryClient, scanId: string): Promise<ReadingList> {
  const filter = filteringOf(filterOf(new URLSearchParams(listAddress().slice(1)), PART));
  let list: ReadingList = { filter, scanIds: [], start: 0, end: 0, total: 1 };
  while (!list.scanIds.includes(scanId) && list.end < Math.min(list.total, LOOKED_FOR)) {
    const next = await part(queries, filter, list.end, PART);
    if (next.scanIds.length === 0) {
      return { ...list, total: next.total };
    }
    list = lengthened(list, next);
  }
  return list;
}

/** The studies before and after one: in the list that the reader came from, else in the worklist as it was filtered. */
export function useNeighbours(scanId: string): Neighbours {
  const queries = useQueryClient();
  const [list, setList] = useState(frozenReadingList);
  const known = list?.scanIds.includes(scanId) ?? false;
  const missing = list && known ? missingPart(list, scanId, PART) : null;
  const { data } = useQuery({
    queryKey: [...studiesKey, 'neighbours', scanId, known ? missing : 'all'],
    queryFn: async () => (list && missing ? lengthened(list, await part(queries, list.filter, missing.offset, missing.limit)) : listWith(queries, scanId)),
    enabled: !known || missing !== null,
    staleTime: Infinity,
  });
  useEffect(() => {
    if (data && (!known || missing)) {
      freezeReadingList(data);
      setList(data);
    }
    // Taken over once, when it has come.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [data]);
  return neighboursIn(list, scanId);
}
