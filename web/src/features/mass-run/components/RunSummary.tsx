import { Button, Group, Progress, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconFileSpreadsheet, IconFileTypeCsv, IconRefresh, IconTrash } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import { ConfirmDialog } from '@/components/ConfirmDialog';
import pageClasses from '@/components/page.module.css';
import { useNow } from '@/components/use-now';
import { formatDuration } from '@/format/dates';
import { formatNumber } from '@/format/numbers';
import { download } from '@/transfer/download';

import { clearRun, retryFailed } from '../api/run-store';
import { toCsv, toXlsx } from '../export';
import { progressOf, type RunLine } from '../rows';
import classes from './mass-run.module.css';

const fileName = (extension: string): string =>
  `norma-mass-run-${new Date().toISOString().slice(0, 16).replaceAll(':', '')}.${extension}`;

/** How far the run is, and what can be done with it. */
export function RunSummary({ lines }: { lines: RunLine[] }) {
  const { t, i18n } = useTranslation();
  const now = useNow(2_000);
  const [clearing, ask] = useDisclosure(false);
  const progress = progressOf(lines, now);
  const running = progress.ended < progress.total;
  const figures = [
    ['studies', progress.total],
    ['done', progress.ended],
    ['pathology', progress.pathology],
    ['norm', progress.norm],
    ['undetermined', progress.undetermined],
    ['failed', progress.failed],
  ] as const;
  return (
    <section className={pageClasses.padded}>
      <Group justify="space-between" gap="md">
        <Group gap="xl">
          {figures.map(([name, value]) => (
            <div key={name} className={classes.figure} data-name={name} data-value={value}>
              <b>{formatNumber(value, i18n.language, 0)}</b>
              <span>{t(`massRun.${name}`)}</span>
            </div>
          ))}
        </Group>
        <Group gap="xs">
          <Button
            variant="default"
            size="sm"
            disabled={progress.failed === 0}
            leftSection={<IconRefresh size={16} />}
            onClick={() => void retryFailed()}
          >
            {t('massRun.retryFailed')}
          </Button>
          <Button
            variant="default"
            size="sm"
            disabled={progress.ended === 0}
            leftSection={<IconFileTypeCsv size={16} />}
            onClick={() => download(new Blob([toCsv(lines)], { type: 'text/csv;charset=utf-8' }), fileName('csv'))}
          >
            {t('massRun.csv')}
          </Button>
          <Button
            size="sm"
            disabled={progress.ended === 0}
            leftSection={<IconFileSpreadsheet size={16} />}
            onClick={() => void toXlsx(lines).then((blob) => download(blob, fileName('xlsx')))}
          >
            {t('massRun.xlsx')}
          </Button>
          <Button variant="subtle" color="gray" size="sm" leftSection={<IconTrash size={16} />} onClick={ask.open}>
            {t('massRun.clear')}
          </Button>
        </Group>
      </Group>
      <Progress
        mt="md"
        size="lg"
        value={progress.fraction * 100}
        animated={running}
        aria-label={t('massRun.progress')}
        data-testid="run-progress"
      />
      <Text size="sm" c="var(--text-dim)" mt={6} role="status">
        {running
          ? progress.leftMs === null
            ? t('massRun.timeUnknown')
            : t('massRun.timeLeft', { time: formatDuration(Math.max(1000, Math.round(progress.leftMs / 1000) * 1000), i18n.language) })
          : t('massRun.finished')}
      </Text>
      <ConfirmDialog
        opened={clearing}
        title={t('massRun.clearTitle')}
        detail={t('massRun.clearDetail')}
        confirm={t('massRun.clear')}
        busy={false}
        error={null}
        onConfirm={() => {
          clearRun();
          ask.close();
        }}
        onClose={ask.close}
      />
    </section>
  );
}
