import { Input, SegmentedControl } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { trayOf, useStudies, type StudyFilter, type StudyTray } from '@/api/studies';
import { formatNumber } from '@/format/numbers';

/** How many of a tray match what is filtered by, in brackets once it is known. */
function useCount(filter: StudyFilter, tray: StudyTray): string {
  const { i18n } = useTranslation();
  const { data } = useStudies({ ...filter, tray, limit: 1, offset: 0 });
  return data ? ` (${formatNumber(data.total, i18n.language, 0)})` : '';
}

/** What is read, what readers contradict, and what holds no chest: how many of these match what is filtered by stands there from the first. */
export function TrayChoice({ filter, onTray }: { filter: StudyFilter; onTray: (tray: StudyTray) => void }) {
  const { t } = useTranslation();
  const contradicted = useCount(filter, 'contradicted');
  const noChest = useCount(filter, 'no_chest');
  return (
    <Input.Wrapper label={t('worklist.tray')} labelElement="div">
      <SegmentedControl
        display="flex"
        aria-label={t('worklist.tray')}
        data-testid="tray"
        data={[
          { value: 'reading', label: t('worklist.trayReading') },
          { value: 'contradicted', label: `${t('worklist.trayContradicted')}${contradicted}` },
          { value: 'no_chest', label: `${t('worklist.trayNoChest')}${noChest}` },
        ]}
        value={filter.tray ?? 'reading'}
        onChange={(tray) => onTray(trayOf(tray))}
      />
    </Input.Wrapper>
  );
}
