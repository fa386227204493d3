import { Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { Page } from '@/components/Page';
import pageClasses from '@/components/page.module.css';
import { ShortcutList } from '@/features/help';
import { BundleCard, SettingsForm } from '@/features/settings';

export function SettingsPage() {
  const { t } = useTranslation();
  return (
    <Page title={t('settings.title')}>
      <SettingsForm />
      <BundleCard />
      <section className={pageClasses.padded}>
        <Title order={2} size="h4" mb="sm">
          {t('settings.shortcuts')}
        </Title>
        <ShortcutList />
      </section>
    </Page>
  );
}
