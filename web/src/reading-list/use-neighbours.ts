import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';

import { studiesQuery } from '@/api/studies';

import { freezeReadingList, frozenReadingList, neighboursIn, type Neighbours } from './reading-list';

const LONGEST = 100;

/** The studies before and after one: in the list that the reader came from, else in the worklist's order. */
export function useNeighbours(scanId: string): Neighbours {
  const [frozen, setFrozen] = useState(frozenReadingList);
  const known = frozen.includes(scanId);
  const { data } = useQuery({
    ...studiesQuery({ order: 'suspicion', limit: LONGEST, offset: 0 }),
    enabled: !known,
  });
  useEffect(() => {
    if (!known && data) {
      const list = data.items.map((study) => study.scan_id);
      freezeReadingList(list);
      setFrozen(list);
    }
  }, [known, data]);
  return neighboursIn(frozen, scanId);
}
