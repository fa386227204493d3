import { Alert } from '@mantine/core';
import { IconTableOff } from '@tabler/icons-react';
import { useEffect, useMemo } from 'react';
import { useTranslation } from 'react-i18next';

import { DropArea } from '@/components/DropArea';
import { Notice } from '@/components/Notice';
import pageClasses from '@/components/page.module.css';
import { useSession } from '@/session/session-context';

import { addArchives, openRun, useLeftBehind, useRun } from '../api/run-store';
import { runLines } from '../rows';
import { RunSummary } from './RunSummary';
import { RunTable } from './RunTable';

/** Many archives at once, a row for each study. */
export function MassRun() {
  const { t } = useTranslation();
  const userId = useSession().user.id ?? 'nobody';
  useEffect(() => openRun(userId), [userId]);
  const archives = useRun();
  const leftBehind = useLeftBehind();
  const otherContent = archives.reduce((sum, archive) => sum + archive.otherContent, 0);
  const lines = useMemo(() => runLines(archives), [archives]);
  return (
    <>
      <DropArea label={t('massRun.drop')} onSources={addArchives} />
      {leftBehind > 0 && <Alert color="yellow">{t('massRun.leftBehind', { count: leftBehind })}</Alert>}
      {otherContent > 0 && <Alert color="orange">{t('upload.otherContent', { count: otherContent })}</Alert>}
      {lines.length > 0 && <RunSummary lines={lines} />}
      <div className={pageClasses.card}>
        {lines.length === 0 ? (
          <Notice NoticeIcon={IconTableOff} title={t('massRun.empty')} detail={t('massRun.emptyDetail')} />
        ) : (
          <RunTable lines={lines} />
        )}
      </div>
    </>
  );
}
