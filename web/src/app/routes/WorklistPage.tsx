import { Button } from '@mantine/core';
import { IconUpload } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

import { Page } from '@/components/Page';
import { Worklist } from '@/features/worklist';

export function WorklistPage() {
  const { t } = useTranslation();
  return (
    <Page
      title={t('worklist.title')}
      subtitle={t('worklist.subtitle')}
      actions={
        <Button component={Link} to="/upload" leftSection={<IconUpload size={16} />}>
          {t('app.upload')}
        </Button>
      }
    >
      <Worklist />
    </Page>
  );
}
