import { Button } from '@mantine/core';
import { IconMapSearch } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { Notice } from '@/components/Notice';

export function NotFoundPage() {
  const { t } = useTranslation();
  return (
    <Notice NoticeIcon={IconMapSearch} title={t('notFound.title')} detail={t('notFound.detail')}>
      <Button component={Link} to="/">
        {t('notFound.home')}
      </Button>
    </Notice>
  );
}
