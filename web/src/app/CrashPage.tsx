import { Button } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import { Notice } from '@/components/Notice';

/** Shown instead of a page that threw: an old answer must not stay on the screen. */
export function CrashPage() {
  const { t } = useTranslation();
  return (
    <Notice NoticeIcon={IconAlertTriangle} title={t('crash.title')} detail={t('crash.detail')} tone="error">
      <Button onClick={() => window.location.reload()}>{t('crash.reload')}</Button>
    </Notice>
  );
}
