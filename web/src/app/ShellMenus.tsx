import { ActionIcon, Menu, Tooltip } from '@mantine/core';
import { IconChecklist, IconLanguage, IconSun } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';

import { SchemeChoice } from '@/components/SchemeChoice';
import { changeLanguage, LANGUAGE_NAMES, LANGUAGES } from '@/i18n/i18n';

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
        {LANGUAGES.map((language) => (
          <Menu.Item
            key={language}
            lang={language}
            fw={i18n.language === language ? 700 : 400}
            leftSection={i18n.language === language ? <IconChecklist size={16} /> : <span className={classes.noMark} />}
            onClick={() => changeLanguage(language)}
          >
            {LANGUAGE_NAMES[language]}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

export function SchemeMenu() {
  const { t } = useTranslation();
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
        <SchemeChoice orientation="vertical" />
      </Menu.Dropdown>
    </Menu>
  );
}
