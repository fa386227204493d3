import { Input, SegmentedControl } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { useStudies, type StudyFilter, type StudyTray } from '@/api/studies';
import { formatNumber } from '@/format/numbers';

/** What is read, and what holds no chest: how many of these match what is filtered by stands there from the first. */
export function TrayChoice({ filter, onTray }: { filter: StudyFilter; onTray: (tray: StudyTray) => void }) {
  const { t, i18n } = useTranslation();
  const { data } = useStudies({ ...filter, tray: 'no_chest', limit: 1, offset: 0 });
  const count = data ? ` (${formatNumber(data.total, i18n.language, 0)})` : '';
  return (
    <Input.Wrapper label={t('worklist.tray')} labelElement="div">
      <SegmentedControl
        display="flex"
        aria-label={t('worklist.tray')}
        data-testid="tray"
        data={[
          { value: 'reading', label: t('worklist.trayReading') },
          { value: 'no_chest', label: `${t('worklist.trayNoChest')}${count}` },
        ]}
        value={filter.tray ?? 'reading'}
        onChange={(tray) => onTray(tray === 'no_chest' ? 'no_chest' : 'reading')}
      />
    </Input.Wrapper>
  );
}
