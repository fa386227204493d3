import { Group, SegmentedControl, Select, Stack, Switch, Text, Title } from '@mantine/core';
import { useTranslation } from 'react-i18next';

import { useBundle } from '@/api/bundle';
import pageClasses from '@/components/page.module.css';
import { SchemeChoice } from '@/components/SchemeChoice';
import { useOperatingPointName } from '@/components/use-operating-point-name';
import { formatProbability } from '@/format/numbers';
import { changeLanguage, LANGUAGE_NAMES, LANGUAGES, type Language } from '@/i18n/i18n';
import { useSettings } from '@/settings/settings';

const OWN = 'bundle';

/** What a reader sets for himself. */
export function SettingsForm() {
  const { t, i18n } = useTranslation();
  const [settings, change] = useSettings();
  const nameOf = useOperatingPointName();
  const bundle = useBundle();
  return (
    <Group align="stretch" grow preventGrowOverflow={false}>
      <section className={pageClasses.padded}>
        <Title order={2} size="h4" mb="sm">
          {t('settings.appearance')}
        </Title>
        <Stack gap="md">
          <div>
            <Text size="sm" mb={4}>
              {t('app.language')}
            </Text>
            <SegmentedControl
              aria-label={t('app.language')}
              value={i18n.language}
              data={LANGUAGES.map((language) => ({ value: language, label: LANGUAGE_NAMES[language] }))}
              onChange={(language) => changeLanguage(language as Language)}
            />
          </div>
          <div>
            <Text size="sm" mb={4}>
              {t('app.scheme')}
            </Text>
            <SchemeChoice />
            <Text size="xs" c="var(--text-dim)" mt={4}>
              {t('settings.viewerDark')}
            </Text>
          </div>
        </Stack>
      </section>
      <section className={pageClasses.padded}>
        <Title order={2} size="h4" mb="sm">
          {t('settings.reading')}
        </Title>
        <Stack gap="md">
          <Switch
            label={t('settings.overlayShown')}
            checked={settings.overlayShown}
            onChange={(event) => change({ overlayShown: event.currentTarget.checked })}
          />
          <Switch
            label={t('settings.analyzeOnUpload')}
            checked={settings.analyzeOnUpload}
            onChange={(event) => change({ analyzeOnUpload: event.currentTarget.checked })}
          />
          <Select
            label={t('settings.operatingPoint')}
            allowDeselect={false}
            maw={420}
            data={[
              { value: OWN, label: t('operatingPoint.default') },
              ...(bundle.data?.operating_points ?? []).map(({ name, threshold }) => ({
                value: name,
                label: `${nameOf(name)} · ${formatProbability(threshold, i18n.language)}`,
              })),
            ]}
            value={settings.operatingPoint ?? OWN}
            onChange={(name) => change({ operatingPoint: name === OWN ? null : name })}
          />
        </Stack>
      </section>
    </Group>
  );
}
