import { ActionIcon, Menu, SegmentedControl, Tooltip, useMantineColorScheme } from '@mantine/core';
import { IconChecklist, IconLanguage, IconSun } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import { changeLanguage, type Language } from '@/i18n/i18n';

import classes from './shell.module.css';

export function LanguageMenu() {
  const { t, i18n } = useTranslation();
  return (
    <Menu position="bottom-end" shadow="md">
      <Menu.Target>
        <Tooltip label={t('app.language')}>
          <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t('app.language')}>
            <IconLanguage size={20} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown>
        {(
          [
            ['ru', 'Русский'],
            ['en', 'English'],
          ] as [Language, string][]
        ).map(([language, name]) => (
          <Menu.Item
            key={language}
            lang={language}
            fw={i18n.language === language ? 700 : 400}
            leftSection={i18n.language === language ? <IconChecklist size={16} /> : <span className={classes.noMark} />}
            onClick={() => changeLanguage(language)}
          >
            {name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

export function SchemeMenu() {
  const { t } = useTranslation();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  return (
    <Menu position="bottom-end" shadow="md">
      <Menu.Target>
        <Tooltip label={t('app.scheme')}>
          <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t('app.scheme')}>
            <IconSun size={20} />
          </ActionIcon>
        </Tooltip>
      </Menu.Target>
      <Menu.Dropdown p="xs">
        <SegmentedControl
          orientation="vertical"
          aria-label={t('app.scheme')}
          value={colorScheme}
          data={[
            { value: 'light', label: t('app.schemeLight') },
            { value: 'dark', label: t('app.schemeDark') },
            { value: 'auto', label: t('app.schemeAuto') },
          ]}
          onChange={(value) => setColorScheme(value as 'light' | 'dark' | 'auto')}
        />
      </Menu.Dropdown>
    </Menu>
  );
}
