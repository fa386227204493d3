import { SegmentedControl, useMantineColorScheme, type MantineColorScheme } from '@mantine/core';
import { useTranslation } from 'react-i18next';

/** Light, dark, or as the system has it; kept in this browser. */
export function SchemeChoice({ orientation = 'horizontal' }: { orientation?: 'horizontal' | 'vertical' }) {
  const { t } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <SegmentedControl
      orientation={orientation}
      aria-label={t('app.scheme')}
      value={colorScheme}
      data={[
        { value: 'light', label: t('app.schemeLight') },
        { value: 'dark', label: t('app.schemeDark') },
        { value: 'auto', label: t('app.schemeAuto') },
      ]}
      onChange={(scheme) => setColorScheme(scheme as MantineColorScheme)}
    />
  );
}
